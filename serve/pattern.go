package serve

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first asked for:
// most commands of repoint never ask, and all of them start with this package.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
