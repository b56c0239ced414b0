package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOldGuestsAreDroppedFromTheCache(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "wazero-v1")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const files = keptGuests + 3
	now := time.Now()
	name := func(i int) string { return filepath.Join(dir, fmt.Sprint(i)) }
	for i := range files {
		if err := os.WriteFile(name(i), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		age := time.Duration(i) * time.Hour
		if err := os.Chtimes(name(i), now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tidy(cache); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		if _, err := os.Stat(name(i)); (err == nil) != (i < keptGuests) {
			t.Errorf("of %d guests the one that is %d hours old: %v", files, i, err)
		}
	}
}
