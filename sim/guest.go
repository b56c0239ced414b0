package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
)

// Guest is the compiled program that every machine runs.
type Guest struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
	sum     string // SHA-256 of the program
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
	sum := sha256.Sum256(code)
	g := &Guest{runtime: r, sum: hex.EncodeToString(sum[:])}
	if err := provide(ctx, r); err != nil {
		return nil, fmt.Errorf("give the guest its host: %w", err)
	}
	if g.module, err = r.CompileModule(ctx, code); err != nil {
		return nil, fmt.Errorf("compile the guest %s: %w", file, err)
	}
	return g, nil
}

// Close frees what was compiled.
func (g *Guest) Close(ctx context.Context) error { return g.runtime.Close(ctx) }
