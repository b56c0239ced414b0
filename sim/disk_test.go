package sim

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero/experimental/sys"
)

func quiet() *disk {
	d := newDisk()
	d.seen = func([]byte, string, ...any) {}
	return d
}

// TestACrashLosesASuffixOfUnsyncedWrites writes numbered bytes, and wants of
// each crash that what was synced is there, and a beginning of the rest.
func TestACrashLosesASuffixOfUnsyncedWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	lengths := map[int]bool{}
	for range 200 {
		d := quiet()
		f, errno := d.OpenFile("data/f", sys.O_CREAT|sys.O_RDWR, 0o600)
		if errno != 0 {
			t.Fatal(errno)
		}
		var all []byte
		for i := range 10 {
			b := bytes.Repeat([]byte{byte(i)}, 10)
			all = append(all, b...)
			if _, errno := f.Write(b); errno != 0 {
				t.Fatal(errno)
			}
			if i == 3 {
				f.Sync()
			}
		}
		d.crash(rng)
		left := d.inodes["data/f"].data
		if len(left) < 40 || !bytes.Equal(left, all[:len(left)]) {
			t.Fatalf("%d bytes are left: %v", len(left), left)
		}
		lengths[len(left)] = true
	}
	if len(lengths) < 10 || !lengths[40] || !lengths[100] {
		t.Fatalf("crashes leave only the lengths %v", lengths)
	}
}

func TestACrashBringsBackWhatWasOverwritten(t *testing.T) {
	for seed := range uint64(50) {
		d := quiet()
		f, _ := d.OpenFile("data/f", sys.O_CREAT|sys.O_RDWR, 0o600)
		f.Write([]byte("aaaaaaaa"))
		f.Sync()
		f.Pwrite([]byte("bbbb"), 2)
		f.Truncate(3)
		d.crash(rand.New(rand.NewPCG(seed, 1)))
		left := string(d.inodes["data/f"].data)
		if left != "aab" && left[:2] != "aa" || len(left) != 3 && left[6:] != "aa" {
			t.Fatalf("seed %d leaves %q", seed, left)
		}
	}
}

func TestRenameTakesADirectoryAlong(t *testing.T) {
	d := quiet()
	d.Mkdir("data/a", 0)
	d.OpenFile("data/a/f", sys.O_CREAT, 0)
	if errno := d.Rename("data/a", "data/b"); errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := d.Stat("data/a/f"); errno != sys.ENOENT {
		t.Errorf("the old name: %v", errno)
	}
	if _, errno := d.Stat("data/b/f"); errno != 0 {
		t.Errorf("the new name: %v", errno)
	}
	if errno := d.Rmdir("data/b"); errno != sys.ENOTEMPTY {
		t.Errorf("remove a full directory: %v", errno)
	}
}
