using System.CommandLine;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary>
/// Options of mergekit-yaml 0.1.5 that change nothing here: taken, so that a command line need not be rewritten, with a line that says why
/// where somebody may have counted on them.
/// </summary>
internal sealed class MergekitOptions
{
    private const string OnProcessor = "merging runs on the processor, which reading keeps busy";

    // Flags; null: what they ask for is always so.
    private static readonly (string Name, string? Why)[] Flags =
    [
        ("--copy-tokenizer", null),
        ("--no-copy-tokenizer", "the tokenizer is part of the model and always copied"),
        ("--clone-tensors", null),
        ("--no-clone-tensors", null),
        ("--write-model-card", null),
        ("--no-write-model-card", "the model card is always written"),
        ("--safe-serialization", null),
        ("--no-safe-serialization", "weights are written as safetensors only"),
        ("--low-cpu-memory", null),
        ("--async-write", null),
        ("--allow-crimes", null),
        ("--no-allow-crimes", null),
        ("--lazy-unpickle", "pickled weights are refused"),
        ("--no-lazy-unpickle", null),
        ("--trust-remote-code", "models' code is copied and never run"),
        ("--no-trust-remote-code", null),
        ("--cuda", OnProcessor),
        ("--no-cuda", null),
        ("--read-to-gpu", OnProcessor),
        ("--multi-gpu", OnProcessor),
        ("--gpu-rich", OnProcessor),
    ];

    private static readonly (string Name, string? Why)[] Values =
    [
        ("--device", OnProcessor),
        ("--lora-merge-cache", "adapters are fused as they are read, without a copy"),
        ("--lora-merge-dtype", "adapters are fused in fp32"),
        ("--transformers-cache", "models from the Hub lie in the Hub's cache: set HF_HUB_CACHE"),
        ("--write-threads", null),
    ];

    private readonly List<(Option Option, string? Why)> _options = [];

    /// <summary>Adds the options to a command.</summary>
    public MergekitOptions(Command command)
    {
        _options.AddRange(Flags.Select(flag => ((Option)new Option<bool>(flag.Name), flag.Why)));
        _options.AddRange(Values.Select(value => ((Option)new Option<string>(value.Name), value.Why)));
        foreach (var (option, why) in _options)
        {
            (option.Hidden, option.Description) = (true, why ?? "Always so.");
            command.Options.Add(option);
        }
    }

    /// <summary>All names.</summary>
    internal static IEnumerable<string> Names => Flags.Concat(Values).Select(option => option.Name);

    /// <summary>Tells of those that were given and may have been counted on.</summary>
    public void Tell(ParseResult parsed, Screen screen)
    {
        foreach (var (option, why) in _options.Where(own => own.Why is not null && parsed.GetResult(own.Option) is { Implicit: false }))
            screen.Note($"{option.Name} changes nothing: {why}.");
    }
}
