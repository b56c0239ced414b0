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

// TestACrashLosesAnyUnsyncedWrites writes numbered bytes, and wants of each crash
// that what was synced is there, and of each other write all, nothing or a
// beginning.
func TestACrashLosesAnyUnsyncedWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const size = 10
	suffixes, holes := 0, 0
	for range 400 {
		left := crashed(t, rng, size)
		missing, hole := false, false
		for n := 0; n*size < len(left); n++ {
			block := bytes.TrimRight(left[n*size:min(len(left), (n+1)*size)], "\x00")
			if n > 0 && !bytes.Equal(block, bytes.Repeat([]byte{byte(n)}, len(block))) {
				t.Fatalf("the %d. write has left %v", n, block)
			}
			hole = hole || missing && len(block) > 0
			missing = missing || n > 0 && len(block) < size
		}
		if missing && bytes.IndexByte(left[:4*size], 3) != 3*size {
			t.Fatalf("what was synced is gone: %v", left)
		}
		if hole {
			holes++
		} else {
			suffixes++
		}
	}
	if holes < 50 || suffixes < 50 {
		t.Fatalf("%d crashes leave a hole, %d do not", holes, suffixes)
	}
}

// crashed is what a crash leaves of ten writes, of which four were synced.
func crashed(t *testing.T, rng *rand.Rand, size int) []byte {
	t.Helper()
	d := quiet()
	f, errno := d.OpenFile("data/f", sys.O_CREAT|sys.O_RDWR, 0o600)
	if errno != 0 {
		t.Fatal(errno)
	}
	for i := range 10 {
		if _, errno := f.Write(bytes.Repeat([]byte{byte(i)}, size)); errno != 0 {
			t.Fatal(errno)
		}
		if i == 3 {
			f.Sync()
		}
	}
	d.crash(rng)
	return d.inodes["data/f"].data
}

// TestWhatASyncFailedToWriteIsLost lets a later sync succeed.
func TestWhatASyncFailedToWriteIsLost(t *testing.T) {
	d := quiet()
	f, _ := d.OpenFile("data/f", sys.O_CREAT|sys.O_RDWR, 0o600)
	f.Write([]byte("aaaa"))
	f.Sync()
	f.Write([]byte("bbbb"))
	d.badSyncs = 1
	if errno := f.Sync(); errno != sys.EIO || !d.doomed() {
		t.Fatalf("a sync that fails gives %v, doomed %v", errno, d.doomed())
	}
	f.Write([]byte("cccc"))
	if errno := f.Sync(); errno != 0 {
		t.Fatal(errno)
	}
	if got := string(d.inodes["data/f"].data); got != "aaaabbbbcccc" {
		t.Fatalf("before the crash the file holds %q", got)
	}
	d.crash(rand.New(rand.NewPCG(1, 1)))
	if got := string(d.inodes["data/f"].data); got != "aaaa\x00\x00\x00\x00cccc" {
		t.Fatalf("after the crash the file holds %q", got)
	}
}

// TestWhatIsWrittenAgainAfterASyncFailedIsThere: only so can a program make it
// durable.
func TestWhatIsWrittenAgainAfterASyncFailedIsThere(t *testing.T) {
	d := quiet()
	f, _ := d.OpenFile("data/f", sys.O_CREAT|sys.O_RDWR, 0o600)
	f.Write([]byte("aaaa"))
	d.badSyncs = 1
	if errno := f.Sync(); errno != sys.EIO {
		t.Fatalf("a sync that fails gives %v", errno)
	}
	f.Write([]byte("bbbb"))
	f.Pwrite([]byte("aaaabbbb"), 0)
	if errno := f.Sync(); errno != 0 || d.doomed() {
		t.Fatalf("a sync gives %v, doomed %v", errno, d.doomed())
	}
	d.crash(rand.New(rand.NewPCG(1, 1)))
	if got := string(d.inodes["data/f"].data); got != "aaaabbbb" {
		t.Fatalf("after the crash the file holds %q", got)
	}
}

// TestOnlyWhatIsOldRots wants rot in what was synced long before another sync.
func TestOnlyWhatIsOldRots(t *testing.T) {
	for way := range rotWays {
		d := quiet()
		now := int64(0)
		d.now = func() int64 { return now }
		f, _ := d.OpenFile("data/f", sys.O_CREAT|sys.O_RDWR, 0o600)
		whole := bytes.Repeat([]byte("0123456789"), 100)
		for at := 0; at < len(whole); at += 100 {
			f.Write(whole[at : at+100])
			f.Sync()
			now += 1e9
		}
		rng := rand.New(rand.NewPCG(uint64(way), 1))
		if name := d.rot(rng, way); name != "data/f" {
			t.Fatalf("way %d damages %q", way, name)
		}
		left := d.inodes["data/f"].data
		if old := 700; bytes.Equal(left, whole) || !bytes.Equal(left[old:], whole[old:]) {
			t.Fatalf("way %d leaves %s", way, left)
		}
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
