using System.Runtime.InteropServices;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// What all models of an engine share: the device, its weights, and what its memory has turned out to hold. Whatever runs out of memory
/// is run again with fewer rows at once, and when one sequence is too much still, with fewer weights that stay; what was learnt holds for
/// all later runs.
/// </summary>
internal sealed class DeviceRuntime : IDisposable
{
    // The processor's caches prefer few rows. Gradients leave a device once per batch, as many bytes as the model has in fp32, which should
    // be a small part of the time; but every layer's input is kept for as many rows.
    private const int ProcessorTokens = 1024;
    private const int DeviceTokens = 8192;

    private const int FewRows = 256;

    private readonly Action<string>? _told;
    private readonly HashSet<string> _saidAlready = [];

    /// <summary>Takes a device into use.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.NoDevice"/>.</exception>
    public DeviceRuntime(DeviceOptions options)
    {
        Device = TorchRuntime.DeviceOf(options);
        Precision = options.Precision;
        TokensPerRun = options.Kind == DeviceKind.Cuda ? DeviceTokens : ProcessorTokens;
        SequenceRows = new RowLimit(TokensPerRun);
        Threads = options.Threads;
        _told = options.Told;
        TorchRuntime.Start(options);
        Weights = new DeviceWeights(Device, Precision, options.MemoryBytes ?? DeviceMemory.ForWeights(options), TellThatWeightsDoNotFit);
    }

    /// <summary>The device.</summary>
    public Device Device { get; }

    /// <summary>How matrices are multiplied.</summary>
    public DevicePrecision Precision { get; }

    /// <summary>Most threads of the processor.</summary>
    public int Threads { get; }

    /// <summary>The weights.</summary>
    public DeviceWeights Weights { get; }

    /// <summary>Takes gradients to the host.</summary>
    public HostOutbox Outbox { get; } = new();

    /// <summary>See <see cref="ITransformerModel.TokensPerRun"/>.</summary>
    public int TokensPerRun { get; }

    /// <summary>Most rows of the sequences that run at once; a single sequence may have more.</summary>
    public RowLimit SequenceRows { get; }

    /// <summary>Most rows whose outcomes are scored at once.</summary>
    public RowLimit ScoredRows { get; } = new(int.MaxValue);

    /// <summary>Called with the number of rows before they run, so that tests can play a device whose memory is small.</summary>
    internal Action<int>? Starting { get; set; }

    /// <summary>Runs something, and again with more room when it runs out of memory.</summary>
    /// <param name="attempt">The work; must leave nothing behind where it fails.</param>
    /// <param name="rows">Rows that it is about; 0: it only loads weights.</param>
    /// <param name="limit">Limits such rows, where these could be fewer; null: they could not.</param>
    /// <returns>Whether it was done; otherwise <paramref name="limit"/> is lower now, and it must be tried with fewer rows.</returns>
    /// <exception cref="ModelException"><see cref="ModelError.NoMemory"/>.</exception>
    public bool Try(Action attempt, int rows, RowLimit? limit)
    {
        while (true)
        {
            try
            {
                Starting?.Invoke(rows);
                attempt();
                return true;
            }
            catch (ExternalException e) when (DeviceFault.IsShortMemory(e))
            {
                // A few rows cost as much time as many, so from there on weights make room first.
                if (rows <= FewRows && Weights.KeepLess())
                {
                    TellThatWeightsDoNotFit();
                    continue;
                }

                if (limit is not null)
                {
                    limit.Most = Math.Min(limit.Most, Math.Max(1, rows / 2));
                    Tell("rows", $"The memory of '{Device}' does not hold {rows} rows at once, so fewer run at a time.");
                    return false;
                }

                if (!Weights.KeepLess())
                    throw new ModelException(
                        ModelError.NoMemory,
                        $"The memory of '{Device}' is too small for this model, even without weights that stay there and with one "
                            + $"sequence at a time ({DeviceFault.Describe(e)}).",
                        null,
                        e);
                TellThatWeightsDoNotFit();
            }
            catch (ExternalException e)
            {
                throw new ModelException(ModelError.NoDevice, $"The device '{Device}' failed: {DeviceFault.Describe(e)}.", null, e);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Weights.Dispose();
        Outbox.Dispose();
    }

    private void TellThatWeightsDoNotFit() =>
        Tell("weights", $"The memory of '{Device}' does not hold all weights, so those of some layers are copied to it each time.");

    private void Tell(string about, string message)
    {
        if (_saidAlready.Add(about))
            _told?.Invoke(message);
    }
}
