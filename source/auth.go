package source

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
)

// auth gives what an address needs beside what it says itself. https takes
// name and token from the address. ssh asks the agent when one runs, else
// takes the user's first key that has no passphrase.
func (a address) auth() (transport.AuthMethod, error) {
	if a.path != "" || strings.HasPrefix(a.url, "https://") {
		return nil, nil
	}
	endpoint, err := transport.NewEndpoint(a.url)
	if err != nil {
		return nil, err
	}
	if endpoint.Password != "" || os.Getenv("SSH_AUTH_SOCK") != "" {
		return nil, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, nil
	}
	user := endpoint.User
	if user == "" {
		user = ssh.DefaultUsername
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		if keys, err := ssh.NewPublicKeysFromFile(user, filepath.Join(home, ".ssh", name), ""); err == nil {
			return keys, nil
		}
	}
	return nil, nil
}
