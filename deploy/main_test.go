package deploy

import (
	"fmt"
	"os"
	"testing"

	"repoint/internal/ramdisk"
)

func TestMain(m *testing.M) {
	leave, err := ramdisk.Use()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	leave()
	os.Exit(code)
}
