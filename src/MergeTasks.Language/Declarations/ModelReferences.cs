using MergeTasks.Language.Diagnostics;
using MergeTasks.Sources;
using MergeTasks.Sources.References;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns what users write for a model into a folder, another merge's output, or a model to be restored.</summary>
/// <param name="mergeNames">All merges of the project.</param>
internal sealed class ModelReferences(IReadOnlyCollection<string> mergeNames)
{
    /// <summary>
    /// Resolves one reference: a merge of that name, else a folder relative to the first of <paramref name="folders"/> that has it, else a
    /// repository or package, whose folder is known only once it has been restored.
    /// </summary>
    /// <param name="text">The reference.</param>
    /// <param name="location">Where it stands.</param>
    /// <param name="folders">Where relative paths may begin.</param>
    /// <exception cref="DiagnosticException">Not written as any kind of reference is.</exception>
    public ModelDeclaration Resolve(string text, SourceLocation location, params IReadOnlyList<string> folders)
    {
        if (mergeNames.FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } merge)
            return new ModelDeclaration(text, location) { Merge = merge };
        try
        {
            return SourceSchemes.Parse(text, folders) switch
            {
                PathReference path => new ModelDeclaration(text, location) { Folder = path.Folder },
                var remote => new ModelDeclaration(text, location) { Remote = remote.Key },
            };
        }
        catch (SourceException e)
        {
            throw SourceDiagnostics.From(e, location);
        }
    }

    /// <summary>Puts an adapter on a model.</summary>
    /// <exception cref="DiagnosticException">The adapter is not a folder's.</exception>
    public static ModelDeclaration WithAdapter(ModelDeclaration model, ModelDeclaration adapter)
    {
        if (adapter.Merge is not null)
            throw new DiagnosticException(
                    DiagnosticCode.RefusedAdapter,
                    $"'{adapter.Label}' is a merge of this project; an adapter is named by its folder.",
                    adapter.Location);
        return model with
        {
            Label = $"{model.Label}+{adapter.Label}",
            Adapter = new AdapterDeclaration(adapter.Label, adapter.Folder ?? "", adapter.Location) { Remote = adapter.Remote }
        };
    }
}
