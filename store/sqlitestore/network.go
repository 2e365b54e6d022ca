package sqlitestore

// networkKind names the network filesystem that statfs on Linux gives a magic number for, "" if it is none that is known. 9p is not
// among them: it is how virtual machines and sandboxes see a local directory.
func networkKind(magic uint32) string {
	switch magic {
	case 0x6969:
		return "nfs"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "smb"
	case 0x65735546:
		return "fuse"
	case 0x00c36400:
		return "ceph"
	case 0x5346414f, 0x6b414653:
		return "afs"
	case 0x73757245:
		return "coda"
	case 0x564c:
		return "ncp"
	case 0x7461636f:
		return "ocfs2"
	case 0x01161970:
		return "gfs2"
	case 0x0bd00bd0:
		return "lustre"
	}
	return ""
}
