package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"

	"repoint/config"
	"repoint/deploy"
)

// cronPage is what is printed for machines that prune without repoint serve.
const cronPage = `# {{.App}} is pruned by "repoint serve". Where that does not run, let cron or systemd do it,
# as {{.File}} says: schedule = "{{.Schedule}}".

# For cron: /etc/cron.d/repoint-{{.App}} (a crontab of {{.User}}'s own has no "{{.User}}" in it).
# Hours are the machine's here, and UTC there. What goes wrong is mailed.
{{.Schedule}} {{.User}} {{.Shell}} --json >/dev/null

# For systemd: /etc/systemd/system/repoint-prune-{{.App}}.service
[Unit]
Description=Remove old releases of {{.App}}

[Service]
Type=oneshot
User={{.User}}
ExecStart={{.Unit}}
# A deploy was in the way: next time.
SuccessExitStatus=4

# And /etc/systemd/system/repoint-prune-{{.App}}.timer, which is started with:
# systemctl enable --now repoint-prune-{{.App}}.timer
[Unit]
Description=Remove old releases of {{.App}} when it is time

[Timer]
{{range .Calendar}}OnCalendar={{.}}
{{end}}Persistent=true

[Install]
WantedBy=timers.target
`

// printCron prints what cron or systemd need to prune the app in dir.
func (p *program) printCron(ctx context.Context, dir string) error {
	schedule, err := p.scheduleOf(ctx, dir)
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	owner, err := ownerOf(dir)
	if err != nil {
		return err
	}
	name := filepath.Base(dir)
	words := []string{exe, "prune", name, "--apps", filepath.Dir(dir)}
	if strings.ContainsFunc(strings.Join(words, ""), func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("%q cannot stand in a crontab", words)
	}
	return template.Must(template.New("cron").Parse(cronPage)).Execute(p.stdout, map[string]any{
		"App": name, "File": filepath.Join(dir, deploy.ConfigFile), "User": owner, "Schedule": schedule,
		"Shell": joined(words, cronWord), "Unit": joined(words, unitWord), "Calendar": schedule.OnCalendar(),
	})
}

func (p *program) scheduleOf(ctx context.Context, dir string) (config.Schedule, error) {
	app, err := deploy.Open(dir, p.env())
	if err != nil {
		return "", err
	}
	defer app.Close()
	cfg, err := app.Config(ctx, "")
	if err == nil && cfg.Retention.Schedule == "" {
		err = usageError{hintedError{fmt.Errorf("%s is never pruned: its schedule is \"\"", app.Name),
			"set it below [retention] in " + filepath.Join(dir, deploy.ConfigFile)}}
	}
	return cfg.Retention.Schedule, err
}

// ownerOf is the account that an app belongs to, and that may change it.
func ownerOf(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("%s has no owner", dir)
	}
	uid := strconv.Itoa(int(stat.Uid))
	if account, err := user.LookupId(uid); err == nil {
		return account.Username, nil
	}
	return uid, nil
}

func joined(words []string, quote func(string) string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if strings.Trim(word, plainBytes) != "" {
			quoted[i] = quote(word)
		}
	}
	return strings.Join(quoted, " ")
}

// plainBytes mean themselves everywhere.
const plainBytes = "/.-_+=:,0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// cronWord quotes for the shell, and for cron, which makes a new line of "%".
func cronWord(word string) string {
	return strings.ReplaceAll("'"+strings.ReplaceAll(word, "'", `'\''`)+"'", "%", `\%`)
}

// unitWord quotes for ExecStart=, systemd.service(5).
func unitWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(word) + `"`
}
