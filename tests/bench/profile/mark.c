// SPDX-License-Identifier: GPL-2.0-or-later
/* Tell the plugin to begin or to write: run code at an address it knows. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	void *at = (void *)(argc > 1 && !strcmp(argv[1], "begin") ?
			    0x13370000UL : 0x13380000UL);
	unsigned char *code = mmap(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (code != at)
		return 1;
	*code = 0xc3;
	((void (*)(void))at)();
	return 0;
}
