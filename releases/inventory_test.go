package releases_test

import (
	"os"
	"testing"
)

func TestInventory(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	if err := store.WriteInventory(name(0), []byte("x\n")); err == nil {
		t.Error("an inventory was kept of what is not sealed")
	}
	a.release(lock, commits[0], 1)
	if data, err := store.Inventory(name(0)); data != nil || err != nil {
		t.Errorf("before: %q, %v", data, err)
	}
	check(t, store.WriteInventory(name(0), []byte("x\n")))
	if data, err := store.Inventory(name(0)); string(data) != "x\n" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if seal, err := store.SealOf(name(0)); seal == nil || err != nil {
		t.Errorf("the seal: %v, %v", seal, err)
	}

	// It goes with its tree.
	check(t, os.RemoveAll(a.path(string(name(0)))))
	if _, err := lock.Repair(now); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(a.path(".repoint/seals"))
	if len(entries) != 0 || err != nil {
		t.Errorf("left: %v, %v", entries, err)
	}
}
