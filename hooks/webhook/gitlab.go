package webhook

import (
	"fmt"

	"github.com/go-playground/webhooks/v6/gitlab"
)

// What GitLab calls the two events of pushes, in the header and in the body.
const (
	gitlabPush    = "Push Hook"
	gitlabTag     = "Tag Push Hook"
	gitlabSystem  = "System Hook"
	gitlabPushObj = "push"
	gitlabTagObj  = "tag_push"
)

// gitlabForge names a delivery by what stays the same when GitLab tries again.
// X-Gitlab-Event-UUID comes last: of several deliveries that a program caused
// which was itself called by a webhook, all have the same.
func gitlabForge() forge {
	return forge{
		event:  "X-Gitlab-Event",
		ids:    []string{idHeader, "Idempotency-Key", "X-Gitlab-Webhook-UUID", "X-Gitlab-Event-UUID"},
		signs:  []string{tokenHeader, signatureHeader, timeHeader},
		proof:  gitlabProof,
		pushes: []string{gitlabPush, gitlabTag},
		others: gitlabEvents(),
		decode: gitlabDecode,
		fits:   gitlabFits,
	}
}

func gitlabDecode(name string, body []byte) (push, error) {
	var p struct {
		gitlab.PushEventPayload
		Commits skipped `json:"commits"`
	}
	if err := unmarshal(body, &p); err != nil {
		return push{}, err
	}
	if want := gitlabObject(name); p.ObjectKind != want {
		return push{}, fmt.Errorf("its object_kind is %.40q, not %s", p.ObjectKind, want)
	}
	return push{
		actor: firstOf(p.UserUsername, p.UserName),
		repo:  p.Project.PathWithNamespace,
		changes: []change{{
			ref: p.Ref, old: p.Before, new: p.After, commit: p.CheckoutSHA, deleted: p.CheckoutSHA == "",
		}},
	}, nil
}

func gitlabObject(name string) string {
	if name == gitlabTag {
		return gitlabTagObj
	}
	return gitlabPushObj
}

// gitlabFits refuses a push under another name. System hooks have one name for
// everything.
func gitlabFits(name string, body []byte) error {
	var p gitlab.SystemHookPayload
	if err := unmarshal(body, &p); err != nil {
		return err
	}
	if name != gitlabSystem && (p.ObjectKind == gitlabPushObj || p.ObjectKind == gitlabTagObj) {
		return fmt.Errorf("its object_kind is %s", p.ObjectKind)
	}
	return nil
}
