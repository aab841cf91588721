using System.Runtime.InteropServices;
using System.Text;
using LLama;
using LLama.Abstractions;
using LLama.Common;
using LLama.Native;

namespace MergeTasks.Gguf.Tests;

/// <summary>A GGUF file, opened by llama.cpp.</summary>
internal sealed class LlamaCpp : IDisposable
{
    private static readonly Lazy<bool> Library = new(Load);
    private readonly LLamaWeights _weights;
    private readonly ModelParams _parameters;

    public LlamaCpp(string path, LLamaPoolingType pooling = LLamaPoolingType.None, string? preTokenizer = null)
    {
        _ = Library.Value;
        _parameters = new ModelParams(path)
        {
            ContextSize = 512,
            GpuLayerCount = 0,
            Threads = 1,
            BatchThreads = 1,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
            Embeddings = pooling != LLamaPoolingType.None,
            PoolingType = pooling == LLamaPoolingType.None ? LLamaPoolingType.Unspecified : pooling,
        };
        if (preTokenizer is not null)
            _parameters.MetadataOverrides = [new MetadataOverride("tokenizer.ggml.pre", preTokenizer)];
        _weights = LLamaWeights.LoadFromFile(_parameters);
    }

    /// <summary>Quantises an F32 file.</summary>
    public static void Quantize(string path, string output, LLamaFtype type)
    {
        _ = Library.Value;
        Assert.True(LLamaQuantizer.Quantize(path, output, type, nthread: 1));
    }

    /// <summary>A key's value as llama.cpp has it.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _weights.Metadata;

    /// <summary>The logits at every position.</summary>
    public float[][] Logits(IReadOnlyList<int> tokens)
    {
        using var context = _weights.CreateContext(_parameters);
        var batch = new LLamaBatch();
        for (var i = 0; i < tokens.Count; i++)
            batch.Add(tokens[i], i, LLamaSeqId.Zero, true);
        Assert.Equal(DecodeResult.Ok, context.Decode(batch));
        return [.. Enumerable.Range(0, tokens.Count).Select(i => context.NativeHandle.GetLogitsIth(i).ToArray())];
    }

    /// <summary>What a classifier says of a text.</summary>
    public float[] Scores(IReadOnlyList<int> tokens, int count)
    {
        using var context = _weights.CreateContext(_parameters);
        var batch = new LLamaBatch();
        for (var i = 0; i < tokens.Count; i++)
            batch.Add(tokens[i], i, LLamaSeqId.Zero, true);
        Assert.Equal(DecodeResult.Ok, context.NativeHandle.Encode(batch));
        return context.NativeHandle.GetEmbeddingsSeq(LLamaSeqId.Zero)[..count].ToArray();
    }

    /// <summary>The ids of a text.</summary>
    public int[] Tokenize(string text, bool addSpecial) =>
        [.. _weights.NativeHandle.Tokenize(text, addSpecial, true, Encoding.UTF8).Select(token => (int)token)];

    public void Dispose() => _weights.Dispose();

    private static bool Load()
    {
        try
        {
            NativeLogConfig.llama_log_set((level, message) =>
            {
                if (level == LLamaLogLevel.Error)
                    Console.Error.Write(message);
            });
            return NativeApi.llama_max_devices() >= 0;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or LLama.Exceptions.RuntimeError)
        {
            throw new InvalidOperationException(
                "llama.cpp's library, from the package LLamaSharp.Backend.Cpu, does not load on this machine "
                    + $"({RuntimeInformation.RuntimeIdentifier}): {(e.InnerException ?? e).Message} The tests that compare with it cannot pass without it.", e);
        }
    }
}
