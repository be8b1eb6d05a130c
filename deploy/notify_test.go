package deploy

import (
	"testing"

	"repoint/config"
	"repoint/releases"
)

func TestHeadline(t *testing.T) {
	t.Parallel()
	const live = "code_1111111111111111111111111111111111111111"
	all := []string{config.NotifyFailed, config.NotifyWentBack, config.NotifyRecovered, config.NotifySuccess}
	usual := config.Default().Notify.On
	good, bad := &releases.Line{Outcome: string(Succeeded)}, &releases.Line{Outcome: string(WentBack)}
	for _, test := range []struct {
		name    string
		on      []string
		outcome Outcome
		via     string
		live    releases.Name
		before  *releases.Line
		want    string
	}{
		{"a build failed", usual, Failed, "push", "", good, "blog: deploy 7 failed"},
		{"its process died", usual, Interrupted, "push", "", good, "blog: deploy 7 interrupted"},
		{"nobody asked", nil, Failed, "push", "", good, ""},
		{"went back", usual, WentBack, "push", "", good, "blog: deploy 7 went back"},
		{"went back, not wanted", []string{config.NotifyFailed}, WentBack, "push", "", good, ""},
		{"broken", []string{config.NotifyFailed}, Broken, "push", "", good, "blog: going back failed too, a person is needed"},
		{"broken, wanted by its other name", []string{config.NotifyWentBack}, Broken, "push", "", good, "blog: going back failed too, a person is needed"},
		{"broken, not wanted", []string{config.NotifySuccess}, Broken, "push", "", good, ""},
		{"a watch went back", usual, Succeeded, "watch", live, good, "blog went back to 1111111"},
		{"a watch went back, not wanted", []string{config.NotifySuccess}, Succeeded, "watch", live, good, ""},
		{"well", usual, Succeeded, "push", live, good, ""},
		{"well, wanted", all, Succeeded, "push", live, good, "blog is on 1111111"},
		{"the first", usual, Succeeded, "push", live, nil, ""},
		{"well again", usual, Succeeded, "push", live, bad, "blog recovered and is on 1111111"},
		{"well again, only successes wanted", []string{config.NotifySuccess}, Succeeded, "push", live, bad, "blog is on 1111111"},
		{"staged", all, Succeeded, "push", "", bad, ""},
		{"superseded", all, Superseded, "push", "", bad, ""},
		{"canceled", all, Canceled, "push", "", bad, ""},
		{"frozen", all, FrozenOut, "push", "", bad, ""},
		{"unchanged", all, Unchanged, "push", "", bad, ""},
	} {
		start := releases.Line{Deploy: 7, Via: test.via}
		end := releases.Line{Deploy: 7, Outcome: string(test.outcome), Live: test.live}
		if got := headline("blog", test.on, start, end, test.before); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
