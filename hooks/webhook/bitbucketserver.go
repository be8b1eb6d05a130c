package webhook

import (
	"fmt"
	"strings"
)

const bitbucketServerPing = "diagnostics:ping"

// bitbucketServerForge is Bitbucket Server and Data Center.
func bitbucketServerForge() forge {
	return forge{
		event:  "X-Event-Key",
		ids:    []string{"X-Request-Id"},
		signs:  []string{"X-Hub-Signature"},
		proof:  hexProof("X-Hub-Signature", "sha256="),
		pushes: []string{"repo:refs_changed"},
		ping:   bitbucketServerPing,
		others: bitbucketServerEvents(),
		decode: bitbucketServerPush,
		fits:   bitbucketServerFits,
	}
}

// bitbucketServerPayload is what is needed of a push. The library's type would
// keep every link in it.
type bitbucketServerPayload struct {
	Actor struct {
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	} `json:"actor"`
	Repository struct {
		Slug    string `json:"slug"`
		Project struct {
			Key string `json:"key"`
		} `json:"project"`
	} `json:"repository"`
	Changes bounded[bitbucketServerChange] `json:"changes"`
}

type bitbucketServerChange struct {
	RefID    string `json:"refId"`
	FromHash string `json:"fromHash"`
	ToHash   string `json:"toHash"`
	Type     string `json:"type"`
}

func bitbucketServerPush(name string, body []byte) (push, error) {
	if err := bitbucketServerFits(name, body); err != nil {
		return push{}, err
	}
	var p bitbucketServerPayload
	if err := unmarshal(body, &p); err != nil {
		return push{}, err
	}
	result := push{
		actor: firstOf(p.Actor.Name, p.Actor.DisplayName),
		repo:  strings.Trim(p.Repository.Project.Key+"/"+p.Repository.Slug, "/"),
	}
	for _, c := range p.Changes {
		result.changes = append(result.changes, change{
			ref: c.RefID, old: c.FromHash, new: c.ToHash, deleted: c.Type == "DELETE",
		})
	}
	return result, nil
}

// bitbucketServerFits wants the event's name in the body too. Only a ping has
// none.
func bitbucketServerFits(name string, body []byte) error {
	var p struct {
		EventKey string   `json:"eventKey"`
		Changes  *skipped `json:"changes"`
	}
	if err := unmarshal(body, &p); err != nil {
		return err
	}
	if name == bitbucketServerPing && p.EventKey == "" && p.Changes == nil {
		return nil
	}
	if p.EventKey != name {
		return fmt.Errorf("its eventKey is %.40q", p.EventKey)
	}
	return nil
}
