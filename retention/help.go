package retention

import (
	"fmt"
	"time"
)

// Help names one thing that would make room where all that may go did not.
type Help struct {
	Rule   Rule      // what protects the releases; [MinFree] for what is done elsewhere
	Names  []string  // the releases, the newest first
	Amount           // what it frees: the releases together, or all that is missing
	Until  time.Time // when the clock alone has done it; zero: never
	Text   string    // the same for people, with what to do
}

// remedies say what can be done about what protects. Live, previous, where a
// roll back goes and what is being built are not for anybody to give up.
var remedies = []struct {
	rule          Rule
	state, remedy string
}{
	{Pinned, "pinned", "unpin what is not needed"},
	{Next, "staged as next", "cancel what is staged"},
	{Waiting, "asked for by a waiting request", "cancel that request"},
	{Held, "held by a fleet prepare", "let that end"},
	{InUse, "in use", "restart what uses them"},
	{Unknown, "without a seal and of unknown origin", "look, and delete what nobody needs"},
	{Grace, "within the grace", "wait"},
}

// help lists what can be done about what is missing.
func (d *decision) help(missing Amount) (list []Help) {
	for _, r := range remedies {
		help := Help{Rule: r.rule}
		use := newUse(d.list, d.disk.Shared, d.stays)
		for _, i := range d.newest {
			if v := d.verdicts[i]; v.Rule == r.rule {
				help.Names = append(help.Names, v.Release.Name)
				help.Amount = help.Amount.plus(use.remove(i))
				help.Until = later(help.Until, v.Until)
			}
		}
		if help.Names == nil {
			continue
		}
		remedy := r.remedy
		if !help.Until.IsZero() {
			remedy += " " + span(help.Until.Sub(d.now).Round(time.Second))
		}
		help.Text = fmt.Sprintf("%s (%s) %s: %s", number(int64(len(help.Names)), "release"), help.Amount.text(roundDown), r.state, remedy)
		list = append(list, help)
	}
	return append(list, d.elsewhere(missing))
}

// elsewhere is what always helps.
func (d *decision) elsewhere(missing Amount) Help {
	help := Help{Rule: MinFree, Amount: missing, Text: "free " + missing.text(roundUp) + " elsewhere on the disk"}
	lower := Amount{d.policy.MinFree - missing.Bytes, d.policy.MinInodes - missing.Inodes}
	switch {
	case missing.Inodes == 0 && lower.Bytes > 0:
		help.Text += ", or lower min_free to " + roundDown(lower.Bytes)
	case missing.Bytes == 0 && lower.Inodes > 0:
		help.Text += fmt.Sprintf(", or lower min_inodes to %d", lower.Inodes)
	}
	return help
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
