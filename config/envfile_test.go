package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadEnvFile(t *testing.T) {
	t.Parallel()
	got, err := ReadEnvFile("blog.env", []byte("# for builds\n\n"+
		"PLAIN=a b c\n"+
		"  export EXPORTED=1  \r\n"+
		"EMPTY=\n"+
		"EQUALS=a=b==\n"+
		"HASH=a#b\n"+
		"SINGLE='a \\n $x \"' # comment\n"+
		`DOUBLE="a \"b\" \$x \\ \n\t\r \d é \é"`+"\n"+
		"DOLLAR=$HOME\n"+
		"BYTES=\xff\xfe\n"+
		"_x9=last"))
	want := []string{
		"PLAIN=a b c", "EXPORTED=1", "EMPTY=", "EQUALS=a=b==", "HASH=a#b", `SINGLE=a \n $x "`,
		"DOUBLE=a \"b\" $x \\ \n\t\r \\d é \\é", "DOLLAR=$HOME", "BYTES=\xff\xfe", "_x9=last",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := ReadEnvFile("blog.env", nil); got != nil || err != nil {
		t.Errorf("empty: %q, %v", got, err)
	}
}

func TestReadEnvFileFaults(t *testing.T) {
	t.Parallel()
	got, err := ReadEnvFile("blog.env", []byte(strings.Join([]string{
		"s3cret", "9A=s3cret", "A-B=s3cret", "C = s3cret", "=s3cret", "D= s3cret", "E=s3cret # why", "F='s3cret' x",
		"G=1", "export G=s3cret", "H=s3\x00cret", `I="s3cret`, "s3cret again",
	}, "\n")))
	if got != nil || err == nil {
		t.Fatalf("%q, %v", got, err)
	}
	const want = `blog.env:1:1: "=" is missing: every line is KEY=VALUE
blog.env:2:1: not the name of a variable; a name holds letters, digits and _, and begins with no digit
blog.env:3:2: not the name of a variable; a name holds letters, digits and _, and begins with no digit
blog.env:4:2: not the name of a variable; write KEY=VALUE without spaces around "="
blog.env:5:1: not the name of a variable; a name holds letters, digits and _, and begins with no digit
blog.env:6:3: the value of D begins with a space; quote the value, or remove the space
blog.env:7:10: the value of E has a "#" that may be meant as a comment; quote the value, or put the comment on its own line
blog.env:8:12: something follows the closing quote of F
blog.env:10:8: "G" is set twice, first in line 9
blog.env:11:5: the value of H has a zero byte
blog.env:12:3: the quote of I is never closed; a value is one line; write \n inside "double quotes" for a new line`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Error("a fault shows a secret")
	}
	_, err = ReadEnvFile("x", []byte(strings.Repeat("x\n", 10_000)))
	if faults, ok := err.(Faults); !ok || len(faults) != maxFaults {
		t.Errorf("%d faults, want %d", len(faults), maxFaults)
	}
}
