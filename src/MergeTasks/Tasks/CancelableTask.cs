using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Caching.Remote;
using MergeTasks.Files;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Outputs;
using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace MergeTasks.Tasks;

/// <summary>
/// What all tasks share: cancellation, diagnostics as errors with a position and a help page, numbers as project files write them in any
/// language, and no process-wide state.
/// </summary>
public abstract class CancelableTask : Task, ICancelableTask, IMultiThreadableTask, IDisposable
{
    private readonly CancellationTokenSource _cancellation = new();
    private readonly List<Diagnostic> _warnings = [];

    /// <inheritdoc/>
    public TaskEnvironment TaskEnvironment { get; set; } = TaskEnvironment.Fallback;

    /// <inheritdoc/>
    public void Cancel() => _cancellation.Cancel();

    /// <inheritdoc/>
    public void Dispose()
    {
        _cancellation.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public sealed override bool Execute()
    {
        // MSBuild's threads, and those of the processes that it starts for tasks, have the user's culture; the threads that a task starts
        // inherit this one.
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            Run(_cancellation.Token);
        }
        catch (OperationCanceledException) when (_cancellation.IsCancellationRequested)
        {
            return Failed();
        }
        catch (DiagnosticException e)
        {
            foreach (var diagnostic in e.Diagnostics)
                Report(diagnostic);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            // Inputs, outputs and the cache have diagnostics of their own by now; what is left is work on the build's own files.
            Report(FileDiagnostics.OfBuild(e));
        }
        catch (Exception e)
        {
            ReportUnexpected(e);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }

        return !Log.HasLoggedErrors || Failed();
    }

    // Whoever cancels knows why, and everything else has been told: there is no need for an error that says there was none (MSB4181).
    private bool Failed()
    {
        if (BuildEngine is IBuildEngine7 engine)
            engine.AllowFailureWithoutError = true;
        return false;
    }

    // The last resort, so that even a mistake of this project's own is one error that says what to do about it.
    private void ReportUnexpected(Exception exception)
    {
        Log.LogMessage(MessageImportance.Normal, "{0}", exception);
        Report(new Diagnostic(DiagnosticCode.Unexpected,
            $"{GetType().Name} met something that MergeTasks {ToolVersion.Text} did not foresee "
            + $"({exception.GetType().Name}: {exception.Message.TrimEnd('.')}). "
            + "This is a mistake of MergeTasks and not of the project: please report it, with what '-v:normal' prints before this line.", null));
    }

    /// <summary>The task's work.</summary>
    protected abstract void Run(CancellationToken cancellation);

    /// <summary>Where diagnostics point that have no place of their own.</summary>
    private protected virtual SourceLocation Location => new(BuildEngine.ProjectFileOfTaskNode);

    /// <summary>Whether a warning was logged.</summary>
    protected bool HasWarned => _warnings.Count > 0;

    /// <summary>The warnings that were logged.</summary>
    private protected IReadOnlyList<Diagnostic> Warnings => _warnings;

    /// <summary>Logs a diagnostic.</summary>
    private protected void Report(Diagnostic diagnostic)
    {
        var location = diagnostic.Location ?? SafeLocation();
        var help = DiagnosticCode.HelpLink(diagnostic.Code);
        if (diagnostic.IsWarning)
        {
            lock (_warnings)
                _warnings.Add(diagnostic);
        }

        if (diagnostic.IsWarning)
            Log.LogWarning(
                null, diagnostic.Code, null, help, location.File, location.Line, location.Column, 0, 0, "{0}", diagnostic.Message);
        else
            Log.LogError(null, diagnostic.Code, null, help, location.File, location.Line, location.Column, 0, 0, "{0}", diagnostic.Message);
    }

    // What would have said the place may be what is damaged.
    private SourceLocation SafeLocation()
    {
        try
        {
            return Location;
        }
        catch (Exception e) when (e is DiagnosticException || FileFault.Covers(e))
        {
            return new SourceLocation(BuildEngine.ProjectFileOfTaskNode);
        }
    }

    /// <summary>The user's cache folder.</summary>
    /// <param name="path">The project's choice; empty for none.</param>
    protected string CacheFolder(string path) =>
        InputFile.WhyNoPath(path) is { } why
            ? throw new DiagnosticException(
                DiagnosticCode.InvalidValue, $"MergeCachePath '{MessageText.Shown(path)}' is no path: {why}.", null)
        : Caching.CacheFolder.Resolve(
            path.Length == 0 ? null : TaskEnvironment.GetAbsolutePath(path), TaskEnvironment.GetEnvironmentVariable);

    /// <summary>The size limit of the cache's scores.</summary>
    /// <param name="size">The project's choice; empty for the default.</param>
    /// <exception cref="DiagnosticException">Not a size.</exception>
    protected static long CacheLimit(string size) =>
        size.Trim().Length == 0 ? Caching.ContentStore.DefaultSizeLimit
        : ByteSize.Parse(size)
            ?? throw new DiagnosticException(DiagnosticCode.InvalidValue, $"MergeCacheMaxSize '{size}' is not a size such as 20GB.", null);

    /// <summary>Scores that machines share. What is found of the server serves all tasks of the build.</summary>
    /// <param name="url">The project's choice of an address; empty for the environment's.</param>
    /// <param name="isReadOnly">The project's choice of whether it is only read; empty for the environment's.</param>
    /// <returns><see langword="null"/> where none are wanted.</returns>
    /// <exception cref="DiagnosticException">What is chosen cannot be used.</exception>
    private protected RemoteCache? SharedScores(string url, string isReadOnly)
    {
        var flag = NumberText.ParseFlag(isReadOnly.Trim().ToLowerInvariant());
        if (flag is null && isReadOnly.Trim().Length > 0)
            throw new DiagnosticException(
                DiagnosticCode.InvalidValue,
                $"MergeCacheReadOnly is true or false, not '{isReadOnly}'.",
                ProjectFile.FindProperty(Location.File, "MergeCacheReadOnly"));
        if (SharedCacheSettings(url, flag) is not { } settings)
            return null;
        var key = $"MergeTasks {ToolVersion.Text} shared cache {settings.Address} {settings.IsReadOnly}";
        if (BuildEngine is not IBuildEngine4 engine)
            return Merging.Build.SharedScores.Of(new RemoteConnection(settings), Report);
        if (engine.GetRegisteredTaskObject(key, RegisteredTaskObjectLifetime.Build) is not RemoteConnection connection)
        {
            connection = new RemoteConnection(settings);
            engine.RegisterTaskObject(key, connection, RegisteredTaskObjectLifetime.Build, allowEarlyCollection: false);
        }

        return Merging.Build.SharedScores.Of(connection, Report);
    }

    private RemoteSettings? SharedCacheSettings(string url, bool? isReadOnly) => Merging.Build.SharedScores.Settings(
        url, isReadOnly, TaskEnvironment.GetEnvironmentVariable, ProjectFile.FindProperty(Location.File, "MergeCacheUrl"));

    /// <summary>Reports, once, that the cache cannot be written.</summary>
    protected void ReportUnwritableCache(string reason)
    {
        if (Interlocked.Exchange(ref _reportedCache, 1) == 0)
            Report(FileDiagnostics.CacheUnwritable(reason));
    }

    private int _reportedCache;
}
