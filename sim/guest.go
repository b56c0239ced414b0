package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// Guest is the compiled program that every machine runs.
type Guest struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
	older   wazero.CompiledModule // of the release before; nil: there is none
	sum     string                // SHA-256 of the programs
}

// Load compiles a guest, or takes what was compiled before out of a directory.
func Load(ctx context.Context, file, cacheDir string) (*Guest, error) {
	code, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the guest: %w; `make sim` builds it", err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
	if err != nil {
		return nil, fmt.Errorf("open the cache of compiled guests %s: %w", cacheDir, err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
	g := &Guest{runtime: r, sum: sumOf(code)}
	if err := provide(ctx, r); err != nil {
		return nil, fmt.Errorf("give the guest its host: %w", err)
	}
	if g.module, err = r.CompileModule(together(ctx), code); err != nil {
		return nil, fmt.Errorf("compile the guest %s: %w", file, err)
	}
	return g, tidy(cacheDir)
}

// LoadOlder compiles the release before, which nodes run that are yet to change.
func (g *Guest) LoadOlder(ctx context.Context, file string) error {
	code, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the older guest: %w", err)
	}
	if g.older, err = g.runtime.CompileModule(together(ctx), code); err != nil {
		return fmt.Errorf("compile the older guest %s: %w", file, err)
	}
	g.sum += " and " + sumOf(code)
	return nil
}

// together lets all processors compile: what comes of it is the same.
func together(ctx context.Context) context.Context {
	return experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
}

func sumOf(code []byte) string {
	sum := sha256.Sum256(code)
	return hex.EncodeToString(sum[:])
}

// program is what a machine runs.
func (g *Guest) program(older bool) wazero.CompiledModule {
	if older && g.older != nil {
		return g.older
	}
	return g.module
}

// Close frees what was compiled.
func (g *Guest) Close(ctx context.Context) error { return g.runtime.Close(ctx) }
