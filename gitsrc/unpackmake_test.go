package gitsrc

import (
	"archive/tar"
	"bytes"
	"fmt"
)

// member is an entry of an archive that is made for a test.
type member struct {
	kind          byte
	name, content string // of a link: where it points
}

func folderNamed(name string) member     { return member{tar.TypeDir, name, ""} }
func fileNamed(name, text string) member { return member{tar.TypeReg, name, text} }
func linkNamed(name, to string) member   { return member{tar.TypeSymlink, name, to} }
func copyNamed(name, of string) member   { return member{tar.TypeLink, name, of} }

// packed makes an archive of entries as they are, good or bad.
func packed(members ...member) []byte {
	var out bytes.Buffer
	for _, m := range members {
		if m.kind == tar.TypeSymlink || m.kind == tar.TypeLink {
			long(&out, 'K', m.content)
			m.content = ""
		}
		long(&out, 'L', m.name)
		write(&out, m.kind, m.name[:min(1, len(m.name))], m.content, int64(len(m.content)))
	}
	out.Write(make([]byte, 1024))
	return out.Bytes()
}

// long writes a name of any length as GNU tar does.
func long(out *bytes.Buffer, kind byte, name string) {
	write(out, kind, "././@LongLink", name+"\x00", int64(len(name)+1))
}

// write writes a header that says size, and content.
func write(out *bytes.Buffer, kind byte, name, content string, size int64) {
	var head [512]byte
	copy(head[:], name)
	copy(head[100:], "0000644\x000000000\x000000000\x00")
	head[124] = 0x80 // the size as a number of 11 bytes
	for i := range 8 {
		head[135-i] = byte(size >> (8 * i))
	}
	copy(head[136:], "00000000000\x00        ")
	head[156] = kind
	copy(head[257:], "ustar  \x00")
	sum := 0
	for _, b := range head {
		sum += int(b)
	}
	copy(head[148:], fmt.Sprintf("%06o\x00 ", sum))
	out.Write(head[:])
	out.WriteString(content)
	out.Write(make([]byte, -len(content)&511))
}
