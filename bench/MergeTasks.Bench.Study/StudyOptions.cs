using System.Globalization;

namespace MergeTasks.Bench.Study;

/// <summary>What is studied, from the command line.</summary>
internal sealed record StudyOptions
{
    /// <summary>The help.</summary>
    public const string Help = """
        Compares merge methods, plain and with APL and AIM, as curves of recovery against forgetting.

        --models FOLDER     the models, a folder each; default example-project/models
        --base NAME         the base's folder; default base
        --tasks A,B,C       the fine-tuned models' folders; default kind,close,first
        --data FOLDER       NAME.jsonl with samples that decide, {"prompt", "target"}; default MODELS/data
        --eval FOLDER       NAME.jsonl with held-out samples; default MODELS/eval
        --calibration FILE  AIM's text; default DATA/calibration.jsonl
        --general FILE      texts {"text"} on which forgetting is measured; default EVAL/dictionary.jsonl
        --items N           most held-out samples of a task; default 100
        --texts N           texts for forgetting; default 16
        --tokens N          most tokens of such a text; default 48
        --factors 0.3,1     factors of the merged change; default 0.3,0.5,0.7,1,1.4
        --methods A,B       merge methods; default all that take these models, but tsv
        --variants A,B      what goes around them, by a part of its name; default all
        --block N           tokens of a calibration block; default 128
        --threads N         default: one per core
        --out NAME          NAME.md and NAME.svg are written; default docs/study
        """;

    public string Models { get; init; } = "example-project/models";

    public string Base { get; init; } = "base";

    public IReadOnlyList<string> Tasks { get; init; } = ["kind", "close", "first"];

    public string Data { get; init; } = "";

    public string Eval { get; init; } = "";

    public string Calibration { get; init; } = "";

    public string General { get; init; } = "";

    public int Items { get; init; } = 100;

    public int Texts { get; init; } = 16;

    public int Tokens { get; init; } = 48;

    public IReadOnlyList<double> Factors { get; init; } = [0.3, 0.5, 0.7, 1, 1.4];

    public IReadOnlyList<string> Methods { get; init; } = [];

    public IReadOnlyList<string> Variants { get; init; } = [];

    /// <summary>Whether a variant is asked for.</summary>
    public bool Wants(string variant) =>
        Variants.Count == 0 || Variants.Any(part => variant.Contains(part, StringComparison.OrdinalIgnoreCase));

    public int Block { get; init; } = 128;

    public int Threads { get; init; } = Environment.ProcessorCount;

    public string Out { get; init; } = "docs/study";

    /// <summary>The arguments as they were given.</summary>
    public string Command { get; init; } = "";

    /// <summary>Reads arguments.</summary>
    /// <exception cref="FormatException">One that is not known, or has no value.</exception>
    public static StudyOptions Parse(string[] arguments)
    {
        var options = new StudyOptions { Command = string.Join(' ', arguments) };
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length)
                throw new FormatException($"'{arguments[i]}' needs a value.");
            options = options.With(arguments[i], arguments[i + 1]);
        }

        var data = options.Data.Length > 0 ? options.Data : Path.Combine(options.Models, "data");
        var eval = options.Eval.Length > 0 ? options.Eval : Path.Combine(options.Models, "eval");
        return options with
        {
            Data = data,
            Eval = eval,
            Calibration = options.Calibration.Length > 0 ? options.Calibration : Path.Combine(data, "calibration.jsonl"),
            General = options.General.Length > 0 ? options.General : Path.Combine(eval, "dictionary.jsonl"),
        };
    }

    private StudyOptions With(string name, string value) => name switch
    {
        "--models" => this with { Models = value },
        "--base" => this with { Base = value },
        "--tasks" => this with { Tasks = value.Split(',') },
        "--data" => this with { Data = value },
        "--eval" => this with { Eval = value },
        "--calibration" => this with { Calibration = value },
        "--general" => this with { General = value },
        "--items" => this with { Items = int.Parse(value, CultureInfo.InvariantCulture) },
        "--texts" => this with { Texts = int.Parse(value, CultureInfo.InvariantCulture) },
        "--tokens" => this with { Tokens = int.Parse(value, CultureInfo.InvariantCulture) },
        "--factors" =>
            this with { Factors = [.. value.Split(',').Select(factor => double.Parse(factor, CultureInfo.InvariantCulture)).Order()] },
        "--methods" => this with { Methods = value.Split(',') },
        "--variants" => this with { Variants = value.Split(',') },
        "--block" => this with { Block = int.Parse(value, CultureInfo.InvariantCulture) },
        "--threads" => this with { Threads = int.Parse(value, CultureInfo.InvariantCulture) },
        "--out" => this with { Out = value },
        _ => throw new FormatException($"'{name}' is not known."),
    };
}
