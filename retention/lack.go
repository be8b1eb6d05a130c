package retention

import (
	"fmt"
	"math"
	"strings"
)

// lack returns what is missing on the disk for want to fit besides what is to
// stay free; neither of the two is negative.
func (p Policy) lack(disk Disk, want Amount) (lack Amount) {
	lack.Bytes = short(p.MinFree, want.Bytes, disk.FreeBytes)
	if disk.FreeInodes >= 0 {
		lack.Inodes = short(p.MinInodes, want.Inodes, disk.FreeInodes)
	}
	return lack
}

func short(floor, want, free int64) int64 {
	lack := floor - free
	if lack > math.MaxInt64-want { // a floor that no disk has
		return math.MaxInt64
	}
	return max(0, lack+want)
}

// lackText says what is free and what should be, of what is lacking.
func (p Policy) lackText(disk Disk, want Amount) string {
	var texts []string
	lack := p.lack(disk, want)
	if lack.Bytes > 0 {
		wish := roundUp(want.Bytes) + " are wanted"
		switch {
		case want.Bytes == 0:
			wish = "min_free is " + limitText(p.MinFree)
		case p.MinFree > 0:
			wish += " besides min_free " + limitText(p.MinFree)
		}
		texts = append(texts, roundDown(disk.FreeBytes)+" are free, "+wish)
	}
	if lack.Inodes > 0 {
		wish := fmt.Sprintf("%d are wanted", want.Inodes)
		switch {
		case want.Inodes == 0:
			wish = fmt.Sprintf("min_inodes is %d", p.MinInodes)
		case p.MinInodes > 0:
			wish += fmt.Sprintf(" besides min_inodes %d", p.MinInodes)
		}
		texts = append(texts, fmt.Sprintf("%d inodes are free, %s", disk.FreeInodes, wish))
	}
	return strings.Join(texts, "; ")
}
