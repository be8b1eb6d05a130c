package config

import (
	"net/url"
	"strings"
)

func (k *checker) fleet(c Fleet) {
	for i, pattern := range c.Agents {
		if name := strings.TrimPrefix(pattern, "@"); !agentPattern(name) {
			k.fault("fleet.agents", i, `write names or labels, as in "web-*" or "@eu"`, "fleet.agents has a pattern %s that no agent can have", quoted(pattern))
		}
	}
	k.twice("fleet.agents", "fleet.agents", c.Agents)
	k.share("fleet.wait", 0, c.Wait)
	for i, wave := range c.Waves {
		k.share("fleet.waves", i, wave)
	}
	k.positive("fleet.ready_within", int64(c.ReadyWithin))
	k.positive("fleet.live_within", int64(c.LiveWithin))
	if c.MaxFailed < 0 {
		k.fault("fleet.max_failed", 0, "", "fleet.max_failed must not be less than 0")
	}
	if c.SkipDown > 0 && c.SkipDown >= c.ReadyWithin && c.ReadyWithin > 0 {
		k.fault("fleet.skip_down", 0, "", "fleet.skip_down, %s, is not shorter than fleet.ready_within, %s", c.SkipDown, c.ReadyWithin)
	}
	if c.BuildOn != BuildOnHub && c.BuildOn != BuildOnAgents {
		k.fault("fleet.build_on", 0, "", `fleet.build_on must be "hub" or "agents"`)
	}
	k.nats(c)
}

// agentPattern reports whether a pattern can fit the name of an agent, or a label.
func agentPattern(pattern string) bool {
	return pattern != "" && len(pattern) <= 63 && strings.Trim(pattern, "abcdefghijklmnopqrstuvwxyz0123456789-*") == ""
}

func (k *checker) share(name string, entry int, text string) {
	if _, err := ParseShare(text); err != nil {
		k.fault(name, entry, "", "%s", err)
	}
}

func (k *checker) nats(c Fleet) {
	if c.NATS != "" {
		for address := range strings.SplitSeq(c.NATS, ",") {
			u, err := url.Parse(address)
			switch {
			case err != nil || u.Host == "" || u.Path != "" && u.Path != "/" || u.Scheme != "tls" && u.Scheme != "wss":
				k.fault("fleet.nats", 0, `write "tls://HOST:4222"`, "fleet.nats is not the address of a NATS server over TLS")
			case u.User != nil:
				k.fault("fleet.nats", 0, "set nats_creds_file", "fleet.nats contains a user")
			default:
				continue
			}
			if strings.Contains(c.NATS, "@") { // perhaps a password
				k.faults[len(k.faults)-1].Text = ""
			}
		}
	}
	for _, file := range []struct{ name, path string }{
		{"fleet.nats_creds_file", c.NATSCredsFile}, {"fleet.nats_ca_file", c.NATSCAFile},
	} {
		k.file(file.name, file.path)
		if file.path != "" && c.NATS == "" {
			k.fault(file.name, 0, "set nats", "%s is for NATS servers of your own", file.name)
		}
	}
}
