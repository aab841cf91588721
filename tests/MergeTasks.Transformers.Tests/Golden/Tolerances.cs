namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>How far an engine in fp32 may be from the reference, by the README of each set.</summary>
internal static class Tolerances
{
    public static double Logits(string name) => IsDelta(name) ? 3e-5 : 2e-5;

    public static double Gradient(string name) => IsDelta(name) ? 1e-4 : IsVersionFive(name) ? 6e-5 : 5e-5;

    public static double Loss(string name) => IsVersionFive(name) ? 3e-6 : 2e-6;

    private static bool IsVersionFive(string name) => Directory.Exists(Path.Combine(GoldenModel.VersionFive, name));

    // Linear attention by the delta rule adds up more rounding.
    private static bool IsDelta(string name) =>
        name.StartsWith("qwen3_next", StringComparison.Ordinal) || name.StartsWith("qwen3_5", StringComparison.Ordinal);
}
