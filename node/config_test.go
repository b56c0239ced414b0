package node

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestZeroConfigWorks(t *testing.T) {
	c, err := Config{}.defaults()
	if err != nil {
		t.Fatal(err)
	}
	if c.Bind != "127.0.0.1" || c.Advertise != c.Bind || c.CPUs != runtime.NumCPU() || c.LogStore != "wal" || c.Logger == nil || c.Announce != os.Stdout ||
		len(c.Watchdog) != 2 || c.Watchdog[1] != "watchdog" {
		t.Errorf("got %+v", c)
	}
	c, err = Config{Bind: "127.0.0.2"}.defaults()
	if err != nil || c.Advertise != "127.0.0.2" {
		t.Errorf("advertises %q, %v", c.Advertise, err)
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for name, x := range map[string]struct {
		config Config
		says   string
	}{
		"cpus":           {Config{CPUs: -1}, "--cpus -1: must be"},
		"many cpus":      {Config{CPUs: 1 << 20}, "--cpus 1048576: must be"},
		"port":           {Config{Port: 65534}, "--port 65534: must be 1 to 65533"},
		"negative port":  {Config{Port: -1}, "--port -1"},
		"log store":      {Config{LogStore: "paper"}, "--log-store paper: must be bolt or wal"},
		"expect":         {Config{Expect: -1, Join: []string{"a:1"}}, "--expect -1"},
		"expect alone":   {Config{Expect: 3}, "--expect 3: goes with --join"},
		"name":           {Config{Name: "a b"}, `--name "a b"`},
		"name, control":  {Config{Name: "a\x1b[2J"}, "control characters"},
		"long name":      {Config{Name: strings.Repeat("n", 10_000)}, "--name"},
		"every address":  {Config{Bind: "0.0.0.0"}, "--bind 0.0.0.0: is not loopback"},
		"outer address":  {Config{Bind: "192.0.2.1"}, "--insecure"},
		"empty host":     {Config{Join: []string{":7462"}}, "--join :7462: want host:port"},
		"no port":        {Config{Join: []string{"host"}}, "--join host: want host:port"},
		"key, no base64": {Config{Key: "***"}, "--key: want 16, 24 or 32 bytes"},
		"short key":      {Config{Key: base64.StdEncoding.EncodeToString(make([]byte, 15))}, "--key: want"},
		"profiles":       {Config{Pprof: "0.0.0.0:6060"}, "--pprof 0.0.0.0:6060: want host:port on loopback"},
		"python":         {Config{Python: "python9.99"}, "--python python9.99: there is no such program"},
	} {
		if _, err := New(x.config); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want %q", name, err, x.says)
		}
	}
}

func TestInsecureAllowsAnyAddress(t *testing.T) {
	for _, c := range []Config{{Bind: "0.0.0.0", Insecure: true}, {Bind: "localhost"}, {Bind: "::1"}, {Key: base64.StdEncoding.EncodeToString(make([]byte, 32))}} {
		if _, err := New(c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestDataHome(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	if got, err := dataHome(); err != nil || got != filepath.Join(dir, "elasticflow") {
		t.Errorf("got %s, %v", got, err)
	}
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", dir)
	if got, err := dataHome(); err != nil || got != filepath.Join(dir, ".local", "share", "elasticflow") {
		t.Errorf("got %s, %v", got, err)
	}
}
