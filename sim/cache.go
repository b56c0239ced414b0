package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keptGuests is how many compiled guests a cache keeps, the latest: each takes 134
// MB, and each change of the program makes another two.
const keptGuests = 6

// tidy drops older ones. Who reads one at that moment goes on reading.
func tidy(cacheDir string) error {
	files, err := filepath.Glob(filepath.Join(cacheDir, "wazero-*", "*"))
	if err != nil {
		return err
	}
	made := map[string]time.Time{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			continue // another process has dropped it
		}
		made[file] = info.ModTime()
	}
	slices.SortFunc(files, func(a, b string) int { return made[b].Compare(made[a]) })
	for _, file := range files[min(keptGuests, len(files)):] {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drop a compiled guest that is old: %w", err)
		}
	}
	return nil
}
