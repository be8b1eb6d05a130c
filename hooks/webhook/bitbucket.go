package webhook

import (
	"errors"
	"fmt"

	"github.com/go-playground/webhooks/v6/bitbucket"
)

// bitbucketForge is Bitbucket Cloud.
func bitbucketForge() forge {
	return forge{
		event:  "X-Event-Key",
		ids:    []string{"X-Request-UUID"},
		signs:  []string{"X-Hub-Signature"},
		proof:  hexProof("X-Hub-Signature", "sha256="),
		pushes: []string{"repo:push"},
		others: bitbucketEvents(),
		decode: bitbucketPush,
		fits:   bitbucketFits,
	}
}

// bitbucketPayload leaves out what its change does not need.
type bitbucketPayload struct {
	bitbucket.RepoPushPayload
	Push struct {
		Changes bounded[bitbucketChange] `json:"changes"`
	} `json:"push"`
}

// bitbucketChange has no New when the ref was deleted, and no Old when it is
// new.
type bitbucketChange struct {
	New *bitbucketRef `json:"new"`
	Old *bitbucketRef `json:"old"`
}

type bitbucketRef struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

func bitbucketPush(_ string, body []byte) (push, error) {
	var p bitbucketPayload
	if err := unmarshal(body, &p); err != nil {
		return push{}, err
	}
	result := push{
		actor: firstOf(p.Actor.NickName, p.Actor.DisplayName),
		repo:  p.Repository.FullName,
	}
	for _, c := range p.Push.Changes {
		change, err := c.change()
		if err != nil {
			return push{}, err
		}
		result.changes = append(result.changes, change)
	}
	return result, nil
}

func (c bitbucketChange) change() (change, error) {
	result := change{old: zeros, new: zeros}
	named := c.Old
	if c.Old != nil {
		result.old = c.Old.Target.Hash
	}
	if c.New != nil {
		result.new = c.New.Target.Hash
		named = c.New
	}
	if named == nil {
		return change{}, errors.New("a change has neither old nor new")
	}
	switch named.Type {
	case "branch":
		result.ref = heads + named.Name
	case "tag", "annotated_tag":
		result.ref = tags + named.Name
	default:
		return change{}, fmt.Errorf("a change is about a %.40q", named.Type)
	}
	return result, nil
}

// bitbucketFits refuses the body of a push under another event's name.
func bitbucketFits(_ string, body []byte) error {
	var p struct {
		Push struct {
			Changes *skipped `json:"changes"`
		} `json:"push"`
	}
	if err := unmarshal(body, &p); err != nil {
		return err
	}
	if p.Push.Changes != nil {
		return errors.New("it is the body of a push")
	}
	return nil
}
