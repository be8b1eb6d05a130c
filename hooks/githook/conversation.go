// Package githook answers git when it calls: the proc-receive conversation of one push (githooks(5)), from the refs that were pushed to
// one request for a deploy, and from its result to one answer per ref.
//
// What it promises: nothing is asked of the deployer before the whole push has been read, so a push that is cut short changes nothing.
// Once read, the push is deployed to the end, though the pusher may be gone. Each ref gets its own answer, and an atomic push gets
// the same answer for all. A ref that no rule names is refused with a reason and, where the intent can be guessed, a hint. What strangers
// send is bounded in size and never shown unfiltered.
//
// It does not know releases or repositories: Decide turns refs into decisions, a Deployer does the rest, and git itself moves every ref
// but the deployed branch.
package githook

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxAnswer is the longest reason, in bytes, that a failed deploy shows beside a ref.
const maxAnswer = 200

// Request asks for the one deploy of a push.
type Request struct {
	Ref     string   // the ref that names the deploy: the deployed branch if it is in the push, else another of Refs
	Old     string   // where Ref stood when the pusher looked, zeros for a new ref
	New     string   // the commit to deploy, annotated tags peeled
	Refs    []string // all refs of this push that the result answers, Ref included
	Stage   bool     // make ready, do not go live, leave the branch where it is
	Force   bool     // deploy again, though it is live
	Rebuild bool     // build again, though a release is there
	Plan    bool     // say what would happen, change nothing
	Reason  string   // why, in the pusher's words; may be empty

	AcceptSchema bool   // go back although migrations lie between
	Override     string // why it must be in spite of a freeze; may be empty

	// Shallow says that the commit may lack its parents. git then moves Ref after the deployer is done, though it be the deployed branch,
	// and records the missing parents. The deployer must not move Ref, nor write the repository's file `shallow`: git would give up.
	Shallow bool
}

// Deployer does what a push asks for. With a deploy it also moves the deployed branch to Request.New, but not for Request.Stage or Plan,
// and not when Request.Shallow is set and Ref is that branch. It moves no other ref of the push: git does that afterwards.
type Deployer interface {
	// Deploy returns nil when it is done. The text of an error is shown beside the ref: one line, cut at 200 bytes.
	Deploy(Request) error
}

// Serve holds the conversation of one push: it reads commands from in, runs at most one request, and writes the answers to out. Hints for
// the pusher go to talk, which git passes on line by line.
//
// shallow says that git set GIT_SHALLOW_FILE in the environment of the git hook. A refused or failed deploy is an answer, not an error of
// Serve: git fails the push, and the git hook should exit 0. An error means that git did not say, or was not told, everything; if the
// deploy had run by then it is done. The caller must ignore SIGPIPE, or a lost connection ends the process in the middle of a deploy.
func Serve(in io.Reader, out io.Writer, talk io.Writer, r Rules, shallow bool, d Deployer) error {
	push, err := readPush(in, out)
	if err != nil {
		return fmt.Errorf("reading the push from git: %w", err)
	}
	push.Shallow = shallow
	decisions := Decide(push, r)
	sayHints(talk, push, decisions)

	var failed error
	request, wanted := r.request(push, decisions)
	if wanted {
		failed = d.Deploy(request)
	}
	answer := answers{push: push, branch: heads + r.Branch, request: request, failed: failed}
	if err := answer.write(out, decisions); err != nil {
		return fmt.Errorf("answering git: %w", err)
	}
	return nil
}

// readPush agrees on the version and reads every section that git sends.
func readPush(in io.Reader, out io.Writer) (Push, error) {
	var p Push
	r := newPktReader(in)
	hello, err := r.section()
	if err != nil {
		return p, err
	}
	features, err := readVersion(hello)
	if err != nil {
		return p, err
	}
	p.Atomic = features["atomic"]
	var w pktWriter
	if features["push-options"] {
		w.line("version=1\x00push-options")
	} else {
		w.line("version=1")
	}
	w.flush()
	if _, err := w.WriteTo(out); err != nil {
		return p, err
	}
	commands, err := r.section()
	if err != nil {
		return p, err
	}
	if p.Updates, err = readUpdates(commands); err != nil || !features["push-options"] {
		return p, err
	}
	p.Options, err = r.section()
	return p, err
}

func readVersion(hello []string) (map[string]bool, error) {
	if len(hello) == 0 {
		return nil, errors.New("git named no proc-receive version")
	}
	version, list, _ := strings.Cut(hello[0], "\x00")
	if version != "version=1" {
		return nil, fmt.Errorf("git speaks proc-receive %q; this repoint speaks version=1", clip(oneLine(version), 40))
	}
	features := map[string]bool{}
	for feature := range strings.FieldsSeq(list) {
		features[feature] = true
	}
	return features, nil
}

func readUpdates(commands []string) ([]Update, error) {
	updates := make([]Update, 0, len(commands))
	for _, command := range commands {
		old, rest, _ := strings.Cut(command, " ")
		id, ref, ok := strings.Cut(rest, " ")
		if !ok || !isHash(old) || !isHash(id) || ref == "" {
			return nil, fmt.Errorf("command %q is not OLD NEW REF", clip(oneLine(command), 120))
		}
		updates = append(updates, Update{Ref: ref, Old: old, New: id})
	}
	return updates, nil
}

func isHash(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// sayHints tells each hint once, and the refusals that git may not pass on: of refs that no answer can name, and in a shallow push.
func sayHints(talk io.Writer, p Push, decisions []Decision) {
	said := map[string]bool{"": true}
	for _, d := range decisions {
		if d.Action == Refuse && (p.Shallow || !nameable(d.Ref)) {
			fmt.Fprintf(talk, "error: %s: %s\n", short(d.Ref), d.Reason)
		}
		if !said[d.Hint] {
			said[d.Hint] = true
			fmt.Fprintf(talk, "hint: %s\n", oneLine(d.Hint))
		}
	}
}

// request is the one request behind all decisions that act; false when none does.
func (r Rules) request(p Push, decisions []Decision) (Request, bool) {
	options, err := ParseOptions(p.Options)
	leader := r.leader(decisions)
	if err != nil || leader < 0 {
		return Request{Plan: options.Plan}, false
	}
	d := decisions[leader]
	request := Request{
		Ref: d.Ref, Old: d.Old, New: d.Commit, Stage: d.Action == Stage,
		Force: options.Force, Rebuild: options.Rebuild, Plan: options.Plan, Reason: options.Reason, Shallow: p.Shallow,
		AcceptSchema: options.AcceptSchema, Override: options.Override,
	}
	for _, d := range decisions {
		if d.acts() {
			request.Refs = append(request.Refs, d.Ref)
		}
	}
	return request, true
}
