using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Sources;
using MergeTasks.Sources.Contract;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;

namespace MergeTasks.Merging.Looking;

/// <summary>A model that somebody wants to look at, outside of any merge.</summary>
internal sealed class LookedModel : IDisposable
{
    private readonly IReadOnlyList<IDisposable> _parts;

    private LookedModel(string label, ModelInput input, bool isAdapter, params IReadOnlyList<IDisposable> parts)
    {
        (Label, Input, IsAdapter) = (label, input, isAdapter);
        _parts = parts;
    }

    /// <summary>As the user named it.</summary>
    public string Label { get; }

    /// <summary>Its tensors.</summary>
    public ModelInput Input { get; }

    /// <summary>Whether it is an adapter alone, whose tensors are factors and not weights.</summary>
    public bool IsAdapter { get; }

    /// <summary>Opens a model: a folder, a repository or package (fetched first), or one of these with <c>+</c> and an adapter.</summary>
    /// <param name="text">As a recipe names it.</param>
    /// <param name="options">Where relative paths begin, and how models from elsewhere are fetched.</param>
    /// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
    /// <param name="progress">Hears of fetching.</param>
    /// <param name="cancellation">Ends fetching.</param>
    /// <exception cref="DiagnosticException">It cannot be opened.</exception>
    public static LookedModel Open(
        string text, RestoreOptions options, FileHasher? hasher, RestoreProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            if (Divided(text, options.ProjectFolder) is not var (name, adapter))
                return Opened(text, Find(text, options, progress, cancellation), hasher);
            var model = Opened(name, Find(name, options, progress, cancellation), hasher);
            try
            {
                var factors = new AdapterInput(LoraAdapter.Open(Find(adapter, options, progress, cancellation).Folder), hasher);
                return new LookedModel(text, new AdaptedInput(model.Input, factors, hasher), isAdapter: false, factors, model);
            }
            catch
            {
                model.Dispose();
                throw;
            }
        }
        catch (CheckpointException e)
        {
            throw FileDiagnostics.From(e, null);
        }
        catch (SourceException e)
        {
            throw SourceDiagnostics.From(e, null);
        }
        catch (RestoreException e)
        {
            throw new DiagnosticException([.. e.Faults.Select(fault => SourceDiagnostics.Of(fault.Exception, null))]);
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            throw new DiagnosticException(FileDiagnostics.Of(DiagnosticCode.UnreadableInput, "", e, text, FileAct.Read, null));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Input.Dispose();
        foreach (var part in _parts)
            part.Dispose();
    }

    private static LookedModel Opened(string label, (string Folder, LockedModel? Locked) found, FileHasher? hasher)
    {
        if (AdapterConfig.IsIn(found.Folder))
            return new LookedModel(label, new AdapterInput(LoraAdapter.Open(found.Folder), hasher), isAdapter: true);
        if (GgufInput.Is(found.Folder))
            return new LookedModel(label, GgufInput.Open(found.Folder, hasher), isAdapter: false);
        var stored = new CheckpointInput(Checkpoint.Open(found.Folder), hasher) { Locked = found.Locked };
        try
        {
            var input = DequantizedInput.Of(stored);
            _ = input.Config;
            return new LookedModel(label, input, isAdapter: false);
        }
        catch
        {
            stored.Dispose();
            throw;
        }
    }

    // A folder's own name may have a plus sign.
    private static (string Model, string Adapter)? Divided(string text, string folder) =>
        text.LastIndexOf('+') is > 0 and var plus && plus < text.Length - 1 && !Directory.Exists(Path.Combine(folder, text))
            ? (text[..plus], text[(plus + 1)..]) : null;

    private static (string Folder, LockedModel? Locked) Find(
        string text, RestoreOptions options, RestoreProgress progress, CancellationToken cancellation)
    {
        if (SourceSchemes.Parse(text, [options.ProjectFolder]) is PathReference path)
            return (path.Folder, null);

        // Looking pins nothing: what the reference means is what it means today.
        var own = Directory.CreateTempSubdirectory("mergetasks-look-").FullName;
        try
        {
            var reference = SourceSchemes.Parse(text, [options.ProjectFolder]);
            var restored = new ModelRestorer(options with { LockPath = Path.Combine(own, "models.lock.json") }, progress)
                .RestoreAsync([reference], cancellation).GetAwaiter().GetResult()[reference.Key];
            return (restored.Folder, restored.Locked);
        }
        finally
        {
            Directory.Delete(own, recursive: true);
        }
    }
}
