package webhook

import (
	"errors"
	"strings"

	"github.com/go-playground/webhooks/v6/gitea"
)

// The names of the events that Gitea and Gogs send when a ref moved. Only tags
// that are deleted come as a push; a deleted branch is a "delete".
const (
	giteaPush   = "push"
	giteaDelete = "delete"
)

// giteaForge is Forgejo too, which sends Gitea's headers beside its own.
func giteaForge() forge {
	return forge{
		event:  "X-Gitea-Event",
		ids:    []string{"X-Gitea-Delivery"},
		signs:  []string{"X-Gitea-Signature"},
		proof:  hexProof("X-Gitea-Signature", ""),
		pushes: []string{giteaPush, giteaDelete},
		others: giteaEvents(),
		decode: giteaDecode,
		fits:   notMoved,
	}
}

// gogsForge is what Gitea came from: the bodies are the same as far as they
// matter here.
func gogsForge() forge {
	return forge{
		event:  "X-Gogs-Event",
		ids:    []string{"X-Gogs-Delivery"},
		signs:  []string{"X-Gogs-Signature"},
		proof:  hexProof("X-Gogs-Signature", ""),
		pushes: []string{giteaPush, giteaDelete},
		others: gogsEvents(),
		decode: giteaDecode,
		fits:   notMoved,
	}
}

func giteaDecode(name string, body []byte) (push, error) {
	if name == giteaDelete {
		return giteaDeletion(body)
	}
	var p struct {
		gitea.PushPayload
		Commits    skipped `json:"commits"`
		HeadCommit struct {
			ID string `json:"id"`
		} `json:"head_commit"`
	}
	if err := unmarshal(body, &p); err != nil {
		return push{}, err
	}
	return push{
		actor:   firstOf(giteaName(p.Pusher), giteaName(p.Sender)),
		repo:    giteaRepo(p.Repo),
		changes: []change{{ref: p.Ref, old: p.Before, new: p.After, commit: p.HeadCommit.ID}},
	}, nil
}

// giteaDeletion reads a body that names the ref without its prefix, in most
// versions.
func giteaDeletion(body []byte) (push, error) {
	if err := notMoved(giteaDelete, body); err != nil {
		return push{}, err
	}
	var p gitea.DeletePayload
	if err := unmarshal(body, &p); err != nil {
		return push{}, err
	}
	prefix := ""
	switch p.RefType {
	case "branch":
		prefix = heads
	case "tag":
		prefix = tags
	default:
		return push{}, errors.New("it names neither a branch nor a tag")
	}
	return push{
		actor:   giteaName(p.Sender),
		repo:    giteaRepo(p.Repo),
		changes: []change{{ref: prefix + strings.TrimPrefix(p.Ref, prefix), old: zeros, new: zeros}},
	}, nil
}

func giteaName(user *gitea.User) string {
	if user == nil {
		return ""
	}
	return user.UserName
}

func giteaRepo(repo *gitea.Repository) string {
	if repo == nil {
		return ""
	}
	return repo.FullName
}
