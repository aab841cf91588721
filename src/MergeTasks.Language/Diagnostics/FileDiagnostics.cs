using MergeTasks.Caching.Remote;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Files;

namespace MergeTasks.Language.Diagnostics;

/// <summary>
/// Turns what the system says of files, and what readers find wrong in them, into diagnostics: the one place where an exception of
/// files gets a code. Its words are made by <see cref="FileFault"/>.
/// </summary>
internal static class FileDiagnostics
{
    /// <summary>A diagnostic about a file or folder.</summary>
    /// <param name="code">Its code.</param>
    /// <param name="who">What wanted the file, with a colon and a space after it; may be empty.</param>
    /// <param name="exception">What the system said.</param>
    /// <param name="path">The file or folder, where the exception does not name it.</param>
    /// <param name="act">What was tried.</param>
    /// <param name="location">Where to look.</param>
    public static Diagnostic Of(DiagnosticCode code, string who, Exception exception, string path, FileAct act, SourceLocation? location) =>
        new(code, who + FileFault.Of(exception, path, act).Message, location);

    /// <summary>Turns a fault of a checkpoint into a diagnostic that points at the declaration which named it.</summary>
    public static DiagnosticException From(CheckpointException fault, SourceLocation? declaration) =>
        new(
            fault.Error switch
            {
                CheckpointError.FolderNotFound => DiagnosticCode.ModelNotFound,
                CheckpointError.NoWeights => DiagnosticCode.NoWeights,
                CheckpointError.RefusedFormat => DiagnosticCode.RefusedFormat,
                CheckpointError.Malformed => DiagnosticCode.MalformedWeights,
                CheckpointError.BadIndex => DiagnosticCode.BadIndex,
                CheckpointError.BadConfig => DiagnosticCode.BadConfig,
                CheckpointError.BadAdapter => DiagnosticCode.BadAdapter,
                CheckpointError.RefusedQuantization => DiagnosticCode.RefusedQuantization,
                CheckpointError.RefusedAdapter => DiagnosticCode.RefusedAdapter,
                _ => DiagnosticCode.UnreadableInput,
            },
            fault.Message,
            declaration);

    /// <summary>What is left after inputs, outputs and the cache: work on the build's own files failed.</summary>
    public static Diagnostic OfBuild(Exception exception) => new(DiagnosticCode.GeneratedFiles, FileFault.Describe(exception), null);

    /// <summary>The warning that the cache folder cannot be written.</summary>
    public static Diagnostic CacheUnwritable(string reason) => new(
        DiagnosticCode.CacheUnwritable,
        $"The cache folder cannot be written, so files are read again on every build: {reason}",
        null,
        IsWarning: true);

    /// <summary>The warning that something is wrong with the shared cache.</summary>
    public static Diagnostic OfSharedCache(RemoteProblem problem) => new(
        problem.IsOfEntry ? DiagnosticCode.SharedEntryRefused : DiagnosticCode.SharedCacheUnusable,
        problem.Message,
        null,
        IsWarning: true);

    /// <summary>Does work on a merge's inputs; what is wrong with a file of theirs becomes a diagnostic.</summary>
    /// <param name="merge">The merge's name.</param>
    /// <param name="folder">The folder that is read, where the system does not name a file.</param>
    /// <param name="location">What names the input.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="DiagnosticException">Something is wrong with a file.</exception>
    internal static T Reading<T>(string merge, string folder, SourceLocation? location, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (CheckpointException e)
        {
            throw From(e, location);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(Of(DiagnosticCode.UnreadableInput, $"Merge '{merge}': ", e, folder, FileAct.Read, location));
        }
    }
}
