package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/elasticcode/flow/plant"
)

// program is the first line of a report's file: what is found with one program
// says nothing of another.
type program struct {
	Guest string `json:"guest"` // SHA-256
}

// openReport begins a report, with what its file keeps; empty: there is none.
func openReport(file, guest string, rounds int) (*report, error) {
	r := &report{rounds: rounds, all: map[plant.Bug][]found{}, told: map[plant.Bug]bool{}}
	if file == "" {
		return r, nil
	}
	code, err := os.ReadFile(guest)
	if err != nil {
		return nil, fmt.Errorf("read the guest: %w", err)
	}
	sum := sha256.Sum256(code)
	if r.file, err = os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, err
	}
	if err := r.read(program{hex.EncodeToString(sum[:])}); err != nil {
		return nil, errors.Join(fmt.Errorf("read the report %s: %w", file, err), r.file.Close())
	}
	return r, nil
}

// read takes what the file has, and writes its first line if it is new.
func (r *report) read(p program) error {
	lines := json.NewDecoder(r.file)
	var of program
	switch err := lines.Decode(&of); {
	case errors.Is(err, io.EOF):
		return json.NewEncoder(r.file).Encode(p)
	case err != nil:
		return err
	case of != p:
		return errors.New("it is of another program; remove it, or name another file")
	}
	for {
		var f found
		err := lines.Decode(&f)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.all[f.Bug] = append(r.all[f.Bug], f)
	}
}

// keep adds a line to the file.
func (r *report) keep(f found) error {
	if r.file == nil {
		return nil
	}
	return json.NewEncoder(r.file).Encode(f)
}

func (r *report) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
