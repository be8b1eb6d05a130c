package githook

import "strings"

// maxRefusal is the longest reason of a refused Decision, in bytes.
const maxRefusal = 100

const (
	oneDeploy = "one deploy per push"
	unshallow = "fetch the whole history first: git fetch --unshallow"
)

func refuse(u Update, reason, hint string) Decision {
	return Decision{Update: u, Action: Refuse, Reason: clip(reason, maxRefusal), Hint: hint}
}

// withRef is the reason of a ref that only falls because another one of an atomic push does.
func withRef(ref string) string {
	return "refused with " + short(ref) + ": atomic push"
}

// refuseRef says why a ref that no rule knows is refused.
func (r Rules) refuseRef(u Update) Decision {
	deploys := "not deployed: " + r.App + " deploys "
	switch {
	case !legalRef(u.Ref):
		return refuse(u, "not a legal ref name", "")
	case strings.HasPrefix(u.Ref+"/", statusRefs):
		return refuse(u, "read only: refs/repoint can be fetched, not pushed", "")
	case strings.HasPrefix(u.Ref+"/", deployRefs):
		return refuse(u, "only "+deployLive+" and "+deployNext+" can be pushed to", "")
	case deletes(u):
		return refuseDeletion(u)
	case strings.HasPrefix(u.Ref, tags) && r.Tags == "":
		return refuse(u, deploys+"no tags", keepTags)
	case strings.HasPrefix(u.Ref, tags):
		return refuse(u, deploys+"tags "+r.Tags, keepTags)
	}
	reason := deploys + short(heads+r.Branch)
	name, isBranch := strings.CutPrefix(u.Ref, heads)
	try := reason + "; try: git push production " + name + ":" + r.Branch
	if isBranch && len(try) <= maxRefusal && shellSafe(name) && shellSafe(r.Branch) {
		reason = try
	}
	return refuse(u, reason, r.keep(u.Ref))
}

const keepTags = `to keep tags without deploying: store = ["refs/tags/*"]`

// keep is the hint for a ref that would be accepted elsewhere, or could be kept.
func (r Rules) keep(ref string) string {
	how := "to keep " + short(ref) + ", add it to store in repoint.toml"
	if len(r.Stage) == 0 {
		return how
	}
	return clip(r.App+" stages "+strings.Join(r.Stage, ", "), maxRefusal) + "; " + how
}

func refuseDeletion(u Update) Decision {
	return refuse(u, "deleting "+short(u.Ref)+" never deploys and is refused", "only refs that store names can be deleted")
}

func (r Rules) refuseShallow(u Update) Decision {
	return refuse(u, "a shallow push cannot go to "+u.Ref, unshallow+"; or push to "+short(heads+r.Branch))
}

// refuseTagObject keeps git's own rule, which it checks only when a branch is moved: too late, after the deploy.
func refuseTagObject(u Update) Decision {
	return refuse(u, "a branch takes a commit, not an annotated tag", "push the commit: 'TAG^{}:"+short(u.Ref)+"'")
}
