package identity

import (
	"os"
	"path/filepath"
	"strings"
)

const peersFile = "peers"

// Peers are the gossip addresses of the other nodes of the network, as this
// node knew them last. They are a hint: without them those named by --join
// must do.
func (d *Directory) Peers() []string {
	b, err := os.ReadFile(filepath.Join(d.path, peersFile))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}

// SetPeers keeps the addresses for the next start.
func (d *Directory) SetPeers(addresses []string) error {
	return d.replace(peersFile, []byte(strings.Join(addresses, "\n")+"\n"))
}
