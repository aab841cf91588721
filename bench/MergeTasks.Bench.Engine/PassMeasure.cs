namespace MergeTasks.Bench.Engine;

/// <summary>One pass of a model.</summary>
/// <param name="Seconds">By the clock.</param>
/// <param name="ProcessorSeconds">Of all threads of the process.</param>
/// <param name="Loss">Mean negative log-probability of the tokens.</param>
internal readonly record struct PassMeasure(double Seconds, double ProcessorSeconds, double Loss);
