using MergeTasks.Merging.Diagnostics;

namespace MergeTasks.Merging.Declarations;

/// <summary>Turns what users write for a model into a folder or another merge's output.</summary>
/// <param name="mergeNames">All merges of the project.</param>
internal sealed class ModelReferences(IReadOnlyCollection<string> mergeNames)
{
    private static readonly string[] RemoteSchemes = ["nuget:", "hf:", "http:", "https:"];

    /// <summary>Resolves a reference: a merge of that name, else a folder relative to the first of <paramref name="folders"/> that has it.</summary>
    /// <param name="text">The reference.</param>
    /// <param name="location">Where it stands.</param>
    /// <param name="folders">Where relative paths may begin.</param>
    /// <exception cref="DiagnosticException">A kind of reference that is not supported.</exception>
    public ModelDeclaration Resolve(string text, SourceLocation location, params IReadOnlyList<string> folders)
    {
        if (mergeNames.FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } merge)
            return new ModelDeclaration(text, location) { Merge = merge };
        if (Array.Find(RemoteSchemes, scheme => text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)) is { } remote)
        {
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.ModelNotFound,
                $"'{text}': references beginning with '{remote}' are not supported yet; name a local model folder.", location));
        }

        var candidates = folders.Select(folder => Normalize(Path.Combine(folder, text.Replace('\\', '/')))).Distinct().ToList();
        return new ModelDeclaration(text, location) { Folder = candidates.Find(Directory.Exists) ?? candidates[^1] };
    }

    /// <summary>Puts an adapter on a model.</summary>
    /// <exception cref="DiagnosticException">The adapter is not a folder's.</exception>
    public static ModelDeclaration WithAdapter(ModelDeclaration model, ModelDeclaration adapter)
    {
        if (adapter.Folder is not { } folder)
            throw new DiagnosticException(new Diagnostic(DiagnosticCode.RefusedAdapter, $"'{adapter.Label}' is a merge of this project; an adapter is named by its folder.", adapter.Location));
        return model with { Label = $"{model.Label}+{adapter.Label}", Adapter = new AdapterDeclaration(adapter.Label, folder, adapter.Location) };
    }

    private static string Normalize(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
