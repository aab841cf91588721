using MergeTasks.Caching;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Planning;

/// <summary>Checks that the disk has room before the first byte is written.</summary>
internal static class DiskSpace
{
    // Configuration, tokenizer and manifest are small beside any weights.
    private const long Margin = 16 << 20;

    /// <summary>Checks one merge.</summary>
    /// <exception cref="DiagnosticException">The output and what exists of it do not fit together.</exception>
    public static void Require(MergeDeclaration merge, long bytes)
    {
        if (FreeSpace.Of(merge.OutputFolder) is { } available && available < bytes + Margin)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.DiskSpace,
                $"Merge '{merge.Name}' needs {ByteSize.Format(bytes + Margin)} for '{merge.OutputFolder}' (new files are written beside the old ones), but the disk has {ByteSize.Format(available)} left.",
                merge.Location));
        }
    }
}
