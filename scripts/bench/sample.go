package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
)

// marker is the file that every commit changes; it holds the commit's number.
// Its name is the last one of the tree, so that who overwrites a tree in place
// has written it last.
const marker = "version.txt"

// history is how many commits a sample has before anything is measured.
const history = 20

// sample is a repository to deploy from: a tree of so many files of 0.3 to 6 KiB
// in nested folders, the same for every run.
type sample struct {
	w     *world
	files int
	dir   string // bare
	head  commit // the newest
}

// commit is one commit of a sample.
type commit struct {
	number int
	hash   string
}

func (w *world) newSample(files int) (*sample, error) {
	w.made++
	s := &sample{w: w, files: files, dir: w.path(fmt.Sprintf("sample-%d.git", w.made))}
	if err := w.git("init", "--quiet", "--bare", "--initial-branch=main", s.dir); err != nil {
		return nil, err
	}
	for i := range history {
		others := files / 100
		if i == 0 {
			others = files - 1
		}
		if _, err := s.commit(others); err != nil {
			return nil, err
		}
	}
	return s, w.git("--git-dir", s.dir, "repack", "-a", "-d", "-q")
}

// commit makes a commit that changes the marker and so many other files.
func (s *sample) commit(others int) (commit, error) {
	return s.importing(func(out io.Writer) {
		s.next(out)
		pick := rand.New(rand.NewPCG(uint64(s.files), uint64(s.head.number)))
		for _, i := range pick.Perm(s.files - 1)[:others] {
			put(out, fileName(i), text(rand.New(rand.NewPCG(uint64(i), uint64(s.head.number)))))
		}
	})
}

// grow makes so many objects of commits that change the marker.
func (s *sample) grow(objects int) error {
	_, err := s.importing(func(out io.Writer) {
		for range objects / 3 {
			s.next(out)
		}
	})
	return err
}

// next writes the beginning of a commit.
func (s *sample) next(out io.Writer) {
	fmt.Fprintf(out, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 2\nx\n", 1700000000+s.head.number)
	if s.head.number > 0 {
		fmt.Fprint(out, "from refs/heads/main^0\n")
	}
	s.head.number++
	put(out, marker, fmt.Sprintf("%d\n", s.head.number))
}

// importing lets write write for git fast-import, and returns the newest commit.
func (s *sample) importing(write func(io.Writer)) (commit, error) {
	cmd := exec.Command("git", "--git-dir", s.dir, "fast-import", "--quiet")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return commit{}, err
	}
	out := bufio.NewWriterSize(in, 1<<20)
	write(out)
	err = errors.Join(out.Flush(), in.Close(), cmd.Wait())
	if err == nil {
		s.head.hash, err = s.w.output("git", "--git-dir", s.dir, "rev-parse", "main")
		s.head.hash = strings.TrimSpace(s.head.hash)
	}
	return s.head, err
}

func put(out io.Writer, name, content string) {
	fmt.Fprintf(out, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
}

func fileName(i int) string {
	return fmt.Sprintf("%s/%s-%d/%s_%d.php", words[i%4], words[4+i/4%16], i/64%12, words[20+i%12], i)
}

var words = strings.Fields(`app lib public resources account basket catalogue customer delivery invoice login
	mail order payment product report search session stock supplier controller entity factory filter handler
	helper mapper model policy repository service view return function class private static string array`)

func text(r *rand.Rand) string {
	var b strings.Builder
	for size := 300 + r.IntN(5700); b.Len() < size; {
		fmt.Fprintf(&b, "%s %s_%x = %s;\n", words[r.IntN(len(words))], words[r.IntN(len(words))], r.Uint32(), words[r.IntN(len(words))])
	}
	return b.String()
}
