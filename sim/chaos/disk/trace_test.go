//go:build linux && amd64

package disk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The test binary is also the program that is watched.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DISK_TEST_WRITER"); dir != "" {
		writer(dir)
		return
	}
	os.Exit(m.Run())
}

// writer makes one file durable, another only in part, a third not at all, and
// renames a fourth into place with and without syncing the directory.
func writer(dir string) {
	file := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			panic(err)
		}
		return f
	}
	a, b, c := file("whole"), file("part"), file("none")
	fmt.Fprint(a, "all of it")
	_ = a.Sync()
	fmt.Fprint(b, "first")
	_ = b.Sync()
	fmt.Fprint(b, " second")
	fmt.Fprint(c, "nothing of it")
	d := file("temporary")
	fmt.Fprint(d, "renamed")
	_ = d.Sync()
	_ = os.Rename(filepath.Join(dir, "temporary"), filepath.Join(dir, "renamed"))
	if os.Getenv("DISK_TEST_SYNC") != "" {
		f, _ := os.Open(dir)
		_ = f.Sync()
	}
	_ = file("end").Close()
	select {}
}

func TestImageHoldsWhatWasSyncedAndNothingElse(t *testing.T) {
	for _, syncDirectory := range []bool{false, true} {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "DISK_TEST_WRITER="+dir)
		if syncDirectory {
			cmd.Env = append(cmd.Env, "DISK_TEST_SYNC=1")
		}
		image := NewImage(dir)
		_, done, err := Trace(cmd, image)
		if err != nil {
			t.Fatal(err)
		}
		for limit := time.Now().Add(20 * time.Second); ; {
			if _, err := os.Stat(filepath.Join(dir, "end")); err == nil {
				break
			}
			if time.Now().After(limit) {
				t.Fatal("the writer did not come to its end")
			}
		}
		_ = cmd.Process.Kill()
		<-done
		to := t.TempDir()
		if err := image.Write(to); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{} // no name is durable
		if syncDirectory {
			want = map[string]string{"whole": "all of it", "part": "first", "none": "", "renamed": "renamed"}
		}
		got := map[string]string{}
		entries, _ := os.ReadDir(to)
		for _, e := range entries {
			content, _ := os.ReadFile(filepath.Join(to, e.Name()))
			got[e.Name()] = string(content)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("directory synced %v: the image holds %v, want %v", syncDirectory, got, want)
		}
	}
}
