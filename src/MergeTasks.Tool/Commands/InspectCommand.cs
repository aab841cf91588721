using System.CommandLine;
using System.Globalization;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>inspect</c>: what a model holds, without reading its weights.</summary>
internal sealed class InspectCommand : ToolCommand
{
    private const int AddedShown = 12;

    private readonly Argument<string> _model = new("model") { Description = "The model." };
    private readonly Option<bool> _tensors = new("--tensors") { Description = "List all tensors." };
    private readonly SharedOptions _shared;

    public InspectCommand(Streams streams)
        : base("inspect", "Show what a model holds: tensors, types, layers, tokens, licence, what it was merged from.", streams)
    {
        Arguments.Add(_model);
        Options.Add(_tensors);
        _shared = new SharedOptions(this);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        using var model = _shared.Open(parsed, screen, parsed.GetRequiredValue(_model), null, cancellation);
        var found = ModelInspection.Of(model, cancellation);
        var listed = parsed.GetValue(_tensors);
        screen.Show(listed || !screen.IsJson ? found : found with { Tensors = [] }, () => Draw(screen, found, listed));
        return ExitCode.Done;
    }

    private static void Draw(Screen screen, ModelInspection found, bool listsTensors)
    {
        screen.Facts(
        [
            (found.Kind, found.Model),
            ("folder", found.Folder),
            ("architecture", found.Architecture is null ? found.ModelType : $"{found.Architecture} ({found.ModelType})"),
            ("parameters", string.Create(
                CultureInfo.InvariantCulture,
                $"{found.Parameters:N0} in {found.Tensors.Count} tensors, {ByteSize.Format(found.Bytes)}")),
            ("types", string.Join(", ", found.Types.Select(type => string.Create(
                CultureInfo.InvariantCulture, $"{type.Type}: {type.Tensors} tensors, {ByteSize.Format(type.Bytes)}")))),
            ("layers", string.Join(", ", found.Layers.Select(stack => $"{stack.Name}: {stack.Layers}"))),
            ("tokens", found.Vocabulary is { } tokens ? Describe(tokens) : null),
            ("added tokens", found.Vocabulary is { Added.Count: > 0 } own ? Added(own.Added) : null),
            ("ends at", found.Vocabulary is { EndTokens.Count: > 0 } ends ? string.Join(", ", ends.EndTokens) : null),
            ("licence", found.Licences.Count > 0 ? string.Join(", ", found.Licences) : "its card names none"),
            ("engine", found.Engine is null ? "the built-in engine runs it" : $"the built-in engine does not run it: {found.Engine}"),
            ("merged by", found.Merge is { } merge ? $"{merge.Tool}: '{merge.Name}' by {merge.Method}" : null),
            ("merged from", found.Merge is { } from ? string.Join(", ", from.Models.Select(Describe)) : null),
            .. found.Notes.Select(note => ("note", (string?)note)),
        ]);
        if (!listsTensors)
            return;
        screen.Line();
        screen.Table(
            ["tensor", "type", "shape", "#elements"],
            found.Tensors.Select(tensor => (IReadOnlyList<string>)[
                tensor.Name,
                tensor.Type,
                TensorInfo.Shown(tensor.Shape),
                tensor.Elements.ToString("N0", CultureInfo.InvariantCulture),
            ]));
    }

    private static string Describe(InspectedVocabulary tokens) => string.Create(
        CultureInfo.InvariantCulture,
        $"{tokens.Tokens:N0}{(tokens.Kind is null ? "" : $" ({tokens.Kind})")} in {tokens.File}, "
            + $"{(tokens.Rows is { } rows ? $"{rows:N0} rows of embeddings, " : "")}{(tokens.HasChatTemplate ? "a" : "no")} chat template");

    private static string Describe(InspectedSource source) =>
        $"{source.Model}{(source.Role == "base" ? " (base)" : "")}{(source.Revision is null ? "" : $" at {source.Revision}")}";

    private static string Added(IReadOnlyList<string> tokens) =>
        string.Join(' ', tokens.Take(AddedShown).Select(VocabularyDifference.Shown))
            + (tokens.Count > AddedShown ? $" and {tokens.Count - AddedShown} more" : "");
}
