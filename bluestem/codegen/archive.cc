#include "bluestem/codegen/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace bluestem::codegen {
namespace {

namespace fs = std::filesystem;

struct FreeArchive {
  void operator()(struct archive* archive) const { archive_write_free(archive); }
};
struct FreeEntry {
  void operator()(struct archive_entry* entry) const { archive_entry_free(entry); }
};
using Archive = std::unique_ptr<struct archive, FreeArchive>;
using Entry = std::unique_ptr<struct archive_entry, FreeEntry>;

Status Fail(const Path& path, struct archive* archive) {
  const char* reason = archive_error_string(archive);
  return Error(Code::kIo, "{}: cannot write: {}", path.string(),
               reason == nullptr ? "unknown reason" : reason);
}

Result<std::vector<Path>> SortedFiles(const Path& folder) {
  std::vector<Path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; it != end; it.increment(error)) {
    if (error) break;
    if (it->is_regular_file()) files.push_back(it->path());
  }
  if (error) return Error(Code::kIo, "{}: cannot list: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

Status AddFile(const Path& file, const std::string& name, struct archive* archive,
               const Path& target) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(file));
  struct stat info {};
  const bool executable = ::stat(file.c_str(), &info) == 0 && (info.st_mode & S_IXUSR) != 0;
  const Entry entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), executable ? 0755 : 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);
  if (archive_write_header(archive, entry.get()) != ARCHIVE_OK) return Fail(target, archive);
  const la_ssize_t put = archive_write_data(archive, bytes.data(), bytes.size());
  if (put != static_cast<la_ssize_t>(bytes.size())) return Fail(target, archive);
  return OkStatus();
}

Status Write(const Path& folder, const std::string& name, const Path& partial) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Path> files, SortedFiles(folder));
  const Archive archive(archive_write_new());
  if (archive_write_set_format_pax_restricted(archive.get()) != ARCHIVE_OK ||
      archive_write_add_filter_gzip(archive.get()) != ARCHIVE_OK ||
      archive_write_set_options(archive.get(), "gzip:!timestamp") != ARCHIVE_OK ||
      archive_write_open_filename(archive.get(), partial.c_str()) != ARCHIVE_OK) {
    return Fail(partial, archive.get());
  }
  for (const Path& file : files) {
    const std::string inside = (Path(name) / file.lexically_relative(folder)).string();
    BLUESTEM_RETURN_IF_ERROR(AddFile(file, inside, archive.get(), partial));
  }
  if (archive_write_close(archive.get()) != ARCHIVE_OK) return Fail(partial, archive.get());
  return OkStatus();
}

}  // namespace

Status WriteTarGz(const Path& folder, const std::string& name, const Path& archive) {
  const Path partial = archive.parent_path() /
                       fmt::format(".{}.{}.partial", archive.filename().string(), ::getpid());
  Status status = Write(folder, name, partial);
  std::error_code error;
  if (status.ok()) {
    fs::rename(partial, archive, error);
    if (error) {
      status = Error(Code::kIo, "{}: cannot write: {}", archive.string(), error.message());
    }
  }
  if (!status.ok()) fs::remove(partial, error);
  return status;
}

}  // namespace bluestem::codegen
