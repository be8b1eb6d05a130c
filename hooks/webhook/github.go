package webhook

import (
	"errors"

	"github.com/go-playground/webhooks/v6/github"
)

func githubForge() forge {
	return forge{
		event:  "X-GitHub-Event",
		ids:    []string{"X-GitHub-Delivery"},
		signs:  []string{"X-Hub-Signature-256"},
		proof:  hexProof("X-Hub-Signature-256", "sha256="),
		pushes: []string{"push"},
		ping:   "ping",
		others: githubEvents(),
		decode: githubPush,
		fits:   notMoved,
	}
}

func githubPush(_ string, body []byte) (push, error) {
	var p struct {
		github.PushPayload
		Commits    skipped `json:"commits"`
		HeadCommit struct {
			ID string `json:"id"`
		} `json:"head_commit"`
	}
	if err := unmarshal(body, &p); err != nil {
		return push{}, err
	}
	return push{
		actor: firstOf(p.Pusher.Name, p.Sender.Login),
		repo:  p.Repository.FullName,
		changes: []change{{
			ref: p.Ref, old: p.Before, new: p.After, commit: p.HeadCommit.ID, deleted: p.Deleted,
		}},
	}, nil
}

// notMoved refuses the body of a push under another event's name, for the forges
// whose pushes look like GitHub's.
func notMoved(_ string, body []byte) error {
	var p struct {
		Ref    *skipped `json:"ref"`
		Before *skipped `json:"before"`
		After  *skipped `json:"after"`
	}
	if err := unmarshal(body, &p); err != nil {
		return err
	}
	if p.Ref != nil && p.Before != nil && p.After != nil {
		return errors.New("it is the body of a push")
	}
	return nil
}
