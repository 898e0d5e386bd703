/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_SYS_OWNER_H
#define PR_SYS_OWNER_H

/*
 * For files that root makes on behalf of a server that runs as another user: gives the open file the owner of what is
 * at `path`, or when nothing is, of its directory. Does nothing for other users; failures do not matter.
 */
void owner_adopt(int fd, const char *path);

#endif
