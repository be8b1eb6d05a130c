package main

import (
	"fmt"
	"os"
	"os/exec"
)

// webhookSite is a repository whose hook calls adnanh/webhook, as a forge does,
// which runs the script of the hand-written hook.
func webhookSite(s *site) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	call := fmt.Sprintf("curl --silent --fail --max-time 600 --output /dev/null http://127.0.0.1:%d/hooks/deploy\n", port)
	if err := s.hook(call); err != nil {
		return err
	}
	if err := s.write("deploy", "#!/bin/sh\nset -e\ndir="+s.dir+"\ncd \"$dir/repo.git\"\n"+release, 0o755); err != nil {
		return err
	}
	hooks := fmt.Sprintf(`[{"id": "deploy", "execute-command": "%s/deploy", "include-command-output-in-response": true}]`, s.dir)
	if err := s.write("hooks.json", hooks, 0o644); err != nil {
		return err
	}
	s.server, err = s.w.start("webhook.log", "webhook", "-hooks", s.dir+"/hooks.json", "-ip", "127.0.0.1", "-port", fmt.Sprint(port))
	if err != nil {
		return err
	}
	return s.w.listening(port)
}

const fabfile = `from fabric import Connection, task

host = Connection("127.0.0.1", user="%[1]s", port=%[2]d, connect_kwargs={"key_filename": "%[3]s"})
dir, repo = "%[4]s", "%[5]s"

@task
def deploy(c):
    host.run(f"""set -e; mkdir -p {dir}/releases
        if [ -d {dir}/cache ]; then git -C {dir}/cache fetch -q origin '+refs/heads/*:refs/heads/*'; else git clone -q --mirror {repo} {dir}/cache; fi
        tree={dir}/releases/$(date +%%s%%N); mkdir $tree
        git -C {dir}/cache archive main | tar -x -C $tree
        ln -s $tree {dir}/current.new; mv -T {dir}/current.new {dir}/current""")
    host.run(f"ls -1d {dir}/releases/* | head -n -5 | xargs -r rm -rf")

@task
def rollback(c):
    host.run(f"cd {dir} && ln -s $(ls -1d $PWD/releases/* | tail -n 2 | head -n 1) current.new && mv -T current.new current")
`

func fabricSite(s *site) error {
	if err := bareRepo(s); err != nil {
		return err
	}
	return s.write("fabfile.py", fmt.Sprintf(fabfile, s.w.user, s.w.port, s.w.path("key"), s.dir, s.repo()), 0o644)
}

func fabric(task string) func(*site, commit) *exec.Cmd {
	return func(s *site, _ commit) *exec.Cmd { return s.here("fab", task) }
}

func fabricBack(s *site, c commit) *exec.Cmd { return fabric("rollback")(s, c) }

// here runs a program in the site's directory, where its configuration lies.
func (s *site) here(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	return cmd
}

// minafile finds the template where Debian's package has put it: among the examples.
const minafile = `require 'mina/git'
def Mina.root_path(*names) = File.join('/usr/share/doc/mina/examples', File.basename(names.last))
set :domain, '127.0.0.1'
set :user, '%[1]s'
set :port, %[2]d
set :ssh_options, '-F %[3]s'
set :deploy_to, '%[4]s'
set :repository, '%[5]s'
set :branch, 'main'
set :term_mode, nil

task :deploy do
  deploy do
    invoke :'git:clone'
    invoke :'deploy:cleanup'
  end
end
`

func minaSite(s *site) error {
	if err := bareRepo(s); err != nil {
		return err
	}
	config := fmt.Sprintf(minafile, s.w.user, s.w.port, s.w.path("ssh_config"), s.dir, s.repo())
	if err := s.write("config/deploy.rb", config, 0o644); err != nil {
		return err
	}
	_, err := said(s.here("mina", "setup"))
	return err
}

func mina(task string) func(*site, commit) *exec.Cmd {
	return func(s *site, _ commit) *exec.Cmd { return s.here("mina", task) }
}

func minaBack(s *site, c commit) *exec.Cmd { return mina("rollback")(s, c) }

const capfile = `require 'capistrano/setup'
require 'capistrano/deploy'
require 'capistrano/scm/git'
install_plugin Capistrano::SCM::Git
`

const capConfig = `set :application, 'bench'
set :repo_url, '%[5]s'
set :branch, 'main'
set :deploy_to, '%[4]s'
set :format, :pretty
set :log_level, :info
set :keep_releases, 5
server '127.0.0.1', user: '%[1]s', port: %[2]d, roles: %%w{app web},
  ssh_options: { keys: ['%[3]s'], keys_only: true, config: false, verify_host_key: :never, auth_methods: %%w(publickey) }
`

func capSite(s *site) error {
	if err := bareRepo(s); err != nil {
		return err
	}
	if err := s.write("Capfile", capfile, 0o644); err != nil {
		return err
	}
	if err := s.write("config/deploy.rb", "", 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir+"/log", 0o755); err != nil {
		return err
	}
	return s.write("config/deploy/production.rb", fmt.Sprintf(capConfig, s.w.user, s.w.port, s.w.path("key"), s.dir, s.dir+"/repo.git"), 0o644)
}

func capistrano(task string) func(*site, commit) *exec.Cmd {
	return func(s *site, _ commit) *exec.Cmd { return s.here("cap", "production", task) }
}

func capBack(s *site, c commit) *exec.Cmd { return capistrano("deploy:rollback")(s, c) }
