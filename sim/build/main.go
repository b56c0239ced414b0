// Command build compiles the node for the simulated world:
//
//	go run ./sim/build -o bin/node.wasm
//
// All is built from what go.mod names, but go-sockaddr lacks one function for
// this target. The module is copied out of the module cache into a cache
// directory, the function is added, and a copy of go.mod says to build that:
// the node that ships never sees it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	lacking = "github.com/hashicorp/go-sockaddr"
	guest   = "./sim/guest"
)

// added is what the module has for every other system.
const added = `package sockaddr

// NewRouteInfo says that a simulated machine has no routes.
func NewRouteInfo() (routeInfo, error) { return routeInfo{}, ErrNoRoute }

func (routeInfo) GetDefaultInterfaceName() (string, error) { return "", ErrNoRoute }
`

func main() {
	output := flag.String("o", filepath.Join("bin", "node.wasm"), "where to write the compiled node")
	tags := flag.String("tags", "", "build tags: with plant, the environment variable PLANT plants a mistake")
	flag.Parse()
	if err := build(*output, *tags); err != nil {
		fmt.Fprintf(os.Stderr, "build the simulated node: %v\n", err)
		os.Exit(1)
	}
}

func build(output, tags string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	work := filepath.Join(cache, "elasticflow-sim", "build")
	module, err := complete(work)
	if err != nil {
		return err
	}
	modfile, err := redirect(work, module)
	if err != nil {
		return err
	}
	c := exec.Command("go", "build", "-modfile", modfile, "-tags", tags, "-ldflags", "-s -w", "-o", output, guest)
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return c.Run()
}

// complete gives a copy of the module that has what it lacks.
func complete(work string) (dir string, err error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}} {{.Version}}", lacking).Output()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", lacking, err)
	}
	from, version, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	dir = filepath.Join(work, "go-sockaddr@"+version)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(from, "*"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil { // its directories are commands and templates
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), b, 0o644); err != nil {
				return "", err
			}
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, "route_info_wasip1.go"), []byte(added), 0o644)
}

// redirect writes a go.mod, and its go.sum, that takes the module from there.
func redirect(work, module string) (modfile string, err error) {
	modfile = filepath.Join(work, "go.mod")
	for from, to := range map[string]string{"go.mod": modfile, "go.sum": filepath.Join(work, "go.sum")} {
		b, err := os.ReadFile(from)
		if err != nil {
			return "", fmt.Errorf("%w; run it in the root of the repository", err)
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			return "", err
		}
	}
	if out, err := exec.Command("go", "mod", "edit", "-replace", lacking+"="+module, modfile).CombinedOutput(); err != nil {
		return "", fmt.Errorf("edit %s: %w\n%s", modfile, err, out)
	}
	return modfile, nil
}
