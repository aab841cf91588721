using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>
/// What does not fit between the models of a merge: tensors that one lacks, has in another shape or as integers, and tensors that the
/// output has no place for. In a strict merge all of that is an error; otherwise the first two are the base's in the output, which is told.
/// </summary>
/// <param name="merge">The declaration.</param>
internal sealed class UnmatchedTensors(MergeDeclaration merge)
{
    private const int NamesInMessage = 5;

    private readonly Dictionary<(ModelDeclaration Model, ModelDeclaration Donor), Findings> _findings = [];
    private readonly Dictionary<ModelDeclaration, List<string>> _unused = [];

    public void Lacks(ModelDeclaration model, ModelDeclaration donor, string name) => Of(model, donor).Lacking.Add(name);

    public void Differs(ModelDeclaration model, ModelDeclaration donor, string name, IReadOnlyList<long> own, IReadOnlyList<long> wanted) =>
        Of(model, donor).Shapes.Add(
            (name, $"'{name}' is [{string.Join(", ", wanted)}] in '{donor.Label}' and [{string.Join(", ", own)}] in '{model.Label}'"));

    public void IsInteger(ModelDeclaration model, ModelDeclaration donor, string name) => Of(model, donor).Integers.Add(name);

    /// <summary>Tensors of a model that the output has no place for.</summary>
    public void Unused(ModelDeclaration model, IEnumerable<string> names)
    {
        if (names.ToList() is { Count: > 0 } list)
            _unused[model] = list;
    }

    /// <summary>Tells everything.</summary>
    /// <param name="donor">The model whose tensors are taken.</param>
    /// <exception cref="DiagnosticException">What cannot be merged.</exception>
    public (IReadOnlyList<string> Notes, IReadOnlyList<Diagnostic> Warnings) Tell(ModelDeclaration donor)
    {
        var (notes, warnings, errors) = (new List<string>(), new List<Diagnostic>(), new List<Diagnostic>());
        foreach (var ((model, owner), found) in _findings)
        {
            if (found.Integers.Count > 0)
            {
                errors.Add(merge.Error(DiagnosticCode.TensorNotMergeable,
                    $"{Listed(found.Integers)} of '{model.Label}' holds integers (quantised weights?) where "
                        + $"'{owner.Label}' has floating-point numbers.", model.Location));
            }

            if (found.Lacking.Count > 0 && merge.IsStrict)
                errors.Add(Missing(model, owner, found.Lacking, model));
            else if (found.Lacking.Count > 0)
                notes.Add($"'{model.Label}' lacks {Listed(found.Lacking)}: taken from '{owner.Label}' alone");
            if (found.Shapes.Count > 0)
                (merge.IsStrict ? errors : warnings).Add(Mismatch(model, owner, found.Shapes));
        }

        foreach (var (model, names) in _unused)
        {
            if (merge.IsStrict)
                errors.Add(Missing(donor, model, names, model));
            else
                notes.Add($"'{model.Label}' has {Listed(names)} for which '{donor.Label}' has no place: left out");
        }

        return errors.Count == 0 ? (notes, warnings) : throw new DiagnosticException(errors);
    }

    private Diagnostic Missing(ModelDeclaration lacking, ModelDeclaration owner, List<string> names, ModelDeclaration at) =>
        new(DiagnosticCode.MissingTensor,
        $"Merge '{merge.Name}': '{lacking.Label}' lacks {Listed(names)} that '{owner.Label}' has. A strict merge needs the same tensors "
            + "in all models.", at.Location);

    private Diagnostic Mismatch(ModelDeclaration model, ModelDeclaration owner, List<(string Name, string Text)> shapes)
    {
        var more = shapes.Count > NamesInMessage ? $"; {shapes.Count - NamesInMessage} more" : "";
        var end = merge.IsStrict ? "."
            : $". The output takes {(shapes.Count == 1 ? "it" : "them")} from '{owner.Label}' alone; list {(shapes.Count == 1 ? "it" : "them")} under keep_tensors (KeepTensors=\"…\") if that is meant"
            + (shapes.Exists(shape => TensorNames.IsEmbedding(shape.Name) || TensorNames.IsHead(shape.Name))
                ? ", and make sure that its tokenizer serves all models."
                : ".");
        return merge.Ignored(DiagnosticCode.ShapeMismatch,
            $"tensor {string.Join("; ", shapes.Take(NamesInMessage).Select(shape => shape.Text))}{more}{end}",
            model.Location);
    }

    private Findings Of(ModelDeclaration model, ModelDeclaration donor) =>
        _findings.TryGetValue((model, donor), out var findings) ? findings : _findings[(model, donor)] = new Findings();

    private static string Listed(List<string> names) =>
        (names.Count == 1 ? "the tensor " : $"{names.Count} tensors, among them ")
            + string.Join(", ", names.Take(NamesInMessage).Select(name => $"'{name}'"));

    private sealed class Findings
    {
        public List<string> Lacking { get; } = [];

        public List<(string Name, string Text)> Shapes { get; } = [];

        public List<string> Integers { get; } = [];
    }
}
