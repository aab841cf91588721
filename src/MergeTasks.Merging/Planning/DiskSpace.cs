using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning;

/// <summary>Checks that the disk has room before the first byte is written.</summary>
internal static class DiskSpace
{
    // What a disk gives out at a time, and what a tensor's entry in the manifest takes beside its name.
    private const long Block = 4096;
    private const long Entry = 512;

    // Manifest, card, configuration and statement of provenance, and the folder's own entries.
    private const int OwnFiles = 8;

    /// <summary>Checks one merge.</summary>
    /// <param name="merge">The merge.</param>
    /// <param name="weights">Bytes of its weights.</param>
    /// <param name="tensors">Number of its tensors.</param>
    /// <param name="files">Files beside the weights, as far as they are known.</param>
    /// <exception cref="DiagnosticException">The output and what exists of it do not fit together.</exception>
    public static void Require(MergeDeclaration merge, long weights, int tensors, IReadOnlyCollection<SideFile> files)
    {
        var bytes = Needed(weights, tensors, files);
        if (FreeSpace.Of(merge.OutputFolder) is { } available && available < bytes)
        {
            throw new DiagnosticException(DiagnosticCode.DiskSpace,
                $"Merge '{merge.Name}' needs {ByteSize.Format(bytes)} for '{merge.OutputFolder}' (new files are written beside the old "
                    + $"ones), but the disk has {ByteSize.Format(available)} left.",
                merge.Location);
        }
    }

    /// <summary>Bytes that an output takes on a disk, all its files counted.</summary>
    /// <inheritdoc cref="Require"/>
    public static long Needed(long weights, int tensors, IReadOnlyCollection<SideFile> files) =>
        weights + (Entry * tensors) + files.Sum(file => file.Length + Block) + (OwnFiles * Block);
}
