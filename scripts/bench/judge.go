package main

import (
	"fmt"
	"time"
)

// judge says which limits hold of a one-file change and of trees made from
// nothing.
func (m *matrix) judge(sizes []int) []row {
	small, large := sizes[0], sizes[len(sizes)-1]
	return []row{
		m.toFloor(small, 1.15),
		m.toFloor(large, 1.2),
		m.toArchive(large),
		{fmt.Sprintf("making the next tree, %d files: first sight of it → link, over OpenSSH", large),
			m.tree[cell{kinds[1], large, repointName}].String(), "", ""},
	}
}

// toFloor compares a one-file change with a push that deploys nothing.
func (m *matrix) toFloor(files int, most float64) row {
	live, floor := m.live[cell{kinds[1], files, repointName}], m.end[cell{kinds[1], files, bareName}]
	is := ratio(live, floor)
	return limit(fmt.Sprintf("one-file change, %d files: push → live, over OpenSSH", files),
		fmt.Sprintf("%s; the whole bare push %s; %.2f ×", live, floor, is), fmt.Sprintf("%.2f ×", most), is <= most)
}

func (m *matrix) toArchive(files int) row {
	live, hook := m.live[cell{kinds[1], files, repointName}], m.live[cell{kinds[1], files, archiveName}]
	is := ratio(live, hook)
	return limit(fmt.Sprintf("one-file change, %d files, beside archive + tar + rename", files),
		fmt.Sprintf("%s; %s; %.2f ×", live, hook, is), "0.10 ×", is <= 0.1)
}

// ms makes a limit in milliseconds readable in a condition.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
