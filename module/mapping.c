// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP, mmap(2) and faults: a file's blocks in its process's address space.
 *
 * PTEs are inserted by faults alone. In .mmap the VMA is not linked yet, so what
 * removes PTEs would miss it. They are special ones, without a reference to the
 * page (VM_PFNMAP): whatever would take one, is refused by the kernel.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "chardev.h"
#include "compat.h"

/* "Lab" */
#define LAB_FS_MAGIC	0x4c6162

/* === An inode for each file ============================================== */

static int lab_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, LAB_FS_MAGIC) ? 0 : -ENOMEM;
}

/* No .owner: the one mount is this module's own, and would keep it loaded. */
static struct file_system_type lab_fs = {
	.name = "labyrinth",
	.init_fs_context = lab_fs_init,
	.kill_sb = kill_anon_super,
};

/* The mount that the files' inodes are of. */
static struct vfsmount *lab_mount;

int lab_mapping_init(void)
{
	lab_mount = kern_mount(&lab_fs);
	return PTR_ERR_OR_ZERO(lab_mount);
}

void lab_mapping_exit(void)
{
	kern_unmount(lab_mount);
}

/* Return: 0, or -ENOMEM. lab_file_map_end() is right after both. */
int lab_file_map_begin(struct lab_file *file)
{
	struct inode *inode = alloc_anon_inode(lab_mount->mnt_sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	file->inode = inode;
	lab_view_init(&file->view, inode->i_mapping);
	lab_view_open(file->self, &file->view);
	return 0;
}

/* The owners have been left: nobody looks at the view any more. */
void lab_file_map_end(struct lab_file *file)
{
	iput(file->inode);
}

/* === MAP ================================================================= */

static int lab_map_all(struct lab_call *call, struct lab_move *move)
{
	struct labyrinth_map *map = call->arg;
	long pages = lab_view_place(move, &map->out_bad);
	int err;

	if (pages < 0)
		return lab_respond(call) ? -EFAULT : (int)pages;
	map->out_offset = (u64)move->first << PAGE_SHIFT;
	map->out_length = (u64)pages << PAGE_SHIFT;
	err = lab_respond(call);
	lab_view_move(move, !err);
	return err;
}

int lab_ioctl_map(struct lab_call *call)
{
	struct labyrinth_map *map = call->arg;
	struct lab_move move = {
		.owner = call->owner,
		.view = &call->file->view,
		.count = map->count,
	};
	u64 *handles;
	int err = -ENOMEM;

	if (map->flags || !map->count || map->count > LAB_MAX_BATCH)
		return -EINVAL;
	handles = vmemdup_user(u64_to_user_ptr(map->handles),
			       array_size(map->count, sizeof(*handles)));
	if (IS_ERR(handles))
		return PTR_ERR(handles);
	move.handles = handles;
	move.orders = kvmalloc(map->count, LAB_GFP_CALL);
	map->out_offset = 0;
	map->out_length = 0;
	if (move.orders)
		err = lab_map_all(call, &move);
	kvfree(move.orders);
	kvfree(handles);
	return err;
}

/* === Faults ============================================================== */

/* owner->lock held: what is inserted is removed by whatever takes the block. */
static vm_fault_t lab_fault_insert(struct lab_file *file,
				   struct labyrinth_owner *owner,
				   struct vm_area_struct *vma,
				   unsigned long address)
{
	unsigned long place = vma->vm_pgoff +
			      ((address - vma->vm_start) >> PAGE_SHIFT);
	struct lab_slot *slot = lab_view_block(owner, &file->view, place);

	if (!slot)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vma, address,
			      page_to_pfn(virt_to_page(slot->addr)) +
			      (place - slot->place));
}

/* The one that was touched, and for whoever goes on, those of its page table. */
static vm_fault_t lab_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct lab_file *file = vma->vm_private_data;
	unsigned long table = vmf->address & PMD_MASK;
	unsigned long address = max(table, vma->vm_start);
	unsigned long end = min(table + PMD_SIZE, vma->vm_end);
	struct labyrinth_owner *owner = lab_file_acting(file);
	vm_fault_t ret;

	mutex_lock(&owner->lock);
	ret = lab_fault_insert(file, owner, vma, vmf->address & PAGE_MASK);
	for (; ret == VM_FAULT_NOPAGE && address < end; address += PAGE_SIZE)
		lab_fault_insert(file, owner, vma, address);
	mutex_unlock(&owner->lock);
	return ret;
}

static const struct vm_operations_struct lab_vm_ops = {
	.fault = lab_fault,
};

/* === mmap ================================================================ */

/* Does all of it have blocks now? Later they may go, and touching is SIGBUS. */
static bool lab_mmap_filled(struct lab_file *file,
			    struct labyrinth_owner *owner,
			    struct vm_area_struct *vma)
{
	unsigned long pages = vma_pages(vma), i;
	bool filled = true;

	mutex_lock(&owner->lock);
	for (i = 0; i < pages && filled; i++) {
		filled = !!lab_view_block(owner, &file->view,
					  vma->vm_pgoff + i);
		cond_resched();
	}
	mutex_unlock(&owner->lock);
	return filled;
}

int lab_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct lab_file *file = filp->private_data;
	struct labyrinth_owner *owner;
	unsigned long clear = VM_MAYEXEC;

	if (file->mm != vma->vm_mm)
		return -EIO;
	owner = lab_file_acting(file);
	if (lab_owner_dying(owner))
		return -ESHUTDOWN;
	/* A read-only file's MAP_SHARED has lost VM_SHARED, not VM_MAYSHARE. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (!lab_mmap_filled(file, owner, vma))
		return -ENXIO;
	if (!(file->mode & FMODE_WRITE))
		clear |= VM_MAYWRITE;
	lab_vm_flags(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY |
		     VM_DONTDUMP, clear);
	vma->vm_private_data = file;
	vma->vm_ops = &lab_vm_ops;
	return 0;
}
