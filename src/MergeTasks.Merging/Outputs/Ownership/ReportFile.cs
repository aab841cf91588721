using System.Text;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Outputs.Ownership;

/// <summary>
/// The report that lies beside an output folder, <c>assistant.report.html</c>: no part of the model, neither published nor packed. Its last
/// line is the digest of all before, which proves that nobody changed it; what is not proved so is never written over or deleted.
/// </summary>
internal static class ReportFile
{
    private const string Suffix = ".report.html";
    private const string Mark = "<!-- MergeTasks report ";
    private const string End = " -->\n";

    // Far more than a page has.
    private const long MaxLength = 64 << 20;

    /// <summary>Full path of the report of an output folder.</summary>
    public static string PathOf(string folder) => Path.TrimEndingDirectorySeparator(folder) + Suffix;

    /// <summary>Writes a report, unless it is there already.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="html">The page.</param>
    /// <exception cref="DiagnosticException">
    /// <see cref="DiagnosticCode.ForeignOutput"/>: something is there that is not provably an earlier report.
    /// </exception>
    public static void Write(string path, string html)
    {
        try
        {
            if (OwnershipRecord.IsThere(path) && !IsReport(path))
                throw new DiagnosticException(
                    DiagnosticCode.ForeignOutput,
                    $"The report would overwrite '{path}', which is no report that MergeTasks wrote, or was changed since. Move it away.",
                    null);
            var text = Encoding.UTF8.GetBytes(html.EndsWith('\n') ? html : html + "\n");
            AtomicFile.WriteIfDifferent(path, [.. text, .. Encoding.UTF8.GetBytes(Mark + TreeDigest.Of(text) + End)]);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(
                FileDiagnostics.Of(DiagnosticCode.OutputUnwritable, "The report cannot be written: ", e, path, FileAct.Write, null));
        }
    }

    /// <summary>Deletes the report of an output folder, if it is one and as it was written.</summary>
    /// <exception cref="FileFault">It cannot be deleted.</exception>
    public static void Remove(string folder)
    {
        var path = PathOf(folder);
        if (IsReport(path))
            FileFault.During(path, FileAct.Delete, () => File.Delete(path));
    }

    private static bool IsReport(string path)
    {
        if (FileStatus.Of(path) is not { Kind: FileKind.Regular, Size: <= MaxLength } || new FileInfo(path).LinkTarget is not null)
            return false;
        var bytes = InputFile.ReadAll(path).AsSpan();
        var mark = bytes.LastIndexOf(Encoding.UTF8.GetBytes(Mark));
        return mark > 0 && bytes[mark..].SequenceEqual(Encoding.UTF8.GetBytes(Mark + TreeDigest.Of(bytes[..mark].ToArray()) + End));
    }
}
