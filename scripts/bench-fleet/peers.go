package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// benchPeers moves a link on many hosts by parallel ssh, by Capistrano, and by
// flipping as many agents, in turns.
func benchPeers(ctx context.Context, o options) error {
	y, err := newYard(ctx, o.hosts, o.hosts)
	if err != nil {
		return err
	}
	defer y.close()
	h, err := newHosts(y, o.hosts)
	if err != nil {
		return err
	}
	var flip, ssh, cap []time.Duration
	for range o.rounds {
		is, err := y.push()
		if err != nil {
			return err
		}
		flip = append(flip, is.flip)
		for _, way := range []struct {
			took *[]time.Duration
			move func() error
		}{{&ssh, h.parallelSSH}, {&cap, h.capistrano}} {
			began := time.Now()
			if err := way.move(); err != nil {
				return err
			}
			*way.took = append(*way.took, time.Since(began))
		}
	}
	fmt.Printf("| moving a link on %d hosts | | × repoint |\n| --- | --- | --- |\n", o.hosts)
	base := median(flip)
	for _, way := range []struct {
		name string
		took []time.Duration
	}{{"repoint: the flip, proved and acknowledged", flip}, {fmt.Sprintf("ssh, %d at a time", atOnce), ssh}, {"Capistrano, all in parallel", cap}} {
		m := median(way.took)
		fmt.Printf("| %s | %s | %.0f |\n", way.name, short(m), float64(m)/float64(base))
	}
	fmt.Println()
	return nil
}

// atOnce is how many ssh clients run at once; more are not faster here.
const atOnce = 20

// hosts are addresses of this machine, with one sshd for all of them.
type hosts struct {
	y     *yard
	names []string
}

// moving is what is done on each host: two links to move between are there.
const moving = `cd %s/host-$1 && ln -sfn "$(test "$(readlink current)" = one && echo two || echo one)" current.new && mv -T current.new current`

func newHosts(y *yard, n int) (*hosts, error) {
	h := &hosts{y: y}
	for i := range n {
		h.names = append(h.names, fmt.Sprintf("127.0.1.%d", i+1))
		if err := os.MkdirAll(y.path(fmt.Sprintf("host-%d", i+1)), 0o755); err != nil {
			return nil, err
		}
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"key", "host_key"} {
		if _, err := y.run("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", y.path(key)); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string]string{
		"sshd_config": fmt.Sprintf("Port %d\nListenAddress 0.0.0.0\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nMaxStartups 1000\n",
			sshPort, y.path("host_key"), y.path("key.pub")),
		"ssh_config": fmt.Sprintf("Host *\n Port %d\n User %s\n IdentityFile %s\n IdentitiesOnly yes\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n",
			sshPort, me.Username, y.path("key")),
		"move":                            "#!/bin/sh\n" + fmt.Sprintf(moving, y.dir) + "\n",
		"cap/Capfile":                     fmt.Sprintf(capfile, y.path("move")),
		"cap/config/deploy.rb":            "",
		"cap/config/deploy/production.rb": fmt.Sprintf(stage, h.list(), me.Username, sshPort, y.path("key")),
	} {
		if err := os.MkdirAll(filepath.Dir(y.path(name)), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(y.path(name), []byte(text), 0o700); err != nil {
			return nil, err
		}
	}
	return h, h.sshd()
}

const sshPort = 22022

func (h *hosts) sshd() error {
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return err
	}
	cmd := h.y.command("", "/usr/sbin/sshd", "-D", "-e", "-f", h.y.path("sshd_config"))
	if err := cmd.Start(); err != nil {
		return err
	}
	h.y.children = append(h.y.children, cmd)
	for tries := 0; ; tries++ {
		_, err := h.y.run("", "ssh", "-F", h.y.path("ssh_config"), h.names[0], "true")
		if err == nil || tries == 50 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (h *hosts) list() string { return `"` + strings.Join(h.names, `", "`) + `"` }

// capfile has one task, without what Capistrano does besides.
const capfile = `require "capistrano/setup"
require "capistrano/deploy"
require "capistrano/scm/git"
install_plugin Capistrano::SCM::Git
task :switch do
  on roles(:web) do |host|
    execute "%s", host.hostname.split(".").last
  end
end
`

// stage is Capistrano's configuration of the hosts.
const stage = `[%s].each do |name|
  server name, user: "%s", port: %d, roles: [:web], ssh_options: { keys: ["%s"], verify_host_key: :never, keys_only: true, config: false }
end
`

func (h *hosts) parallelSSH() error {
	cmd := h.y.command("", "xargs", "-P", fmt.Sprint(atOnce), "-I", "{}", "sh", "-c",
		fmt.Sprintf("exec ssh -F %s 127.0.1.{} %s {}", h.y.path("ssh_config"), h.y.path("move")))
	var list strings.Builder
	for i := range h.names {
		fmt.Fprintln(&list, i+1)
	}
	cmd.Stdin = strings.NewReader(list.String())
	return said(cmd)
}

func (h *hosts) capistrano() error {
	cmd := h.y.command("", "cap", "production", "switch")
	cmd.Dir = h.y.path("cap")
	return said(cmd)
}

func said(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, out)
	}
	return nil
}
